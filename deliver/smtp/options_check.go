package smtp

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/popsync/popsync/internal/sasl"
)

// checked returns o with all defaults filled in, or says what is wrong with it.
func (o Options) checked() (Options, error) {
	for _, check := range []func(*Options) error{checkAddress, checkLogin, checkEnvelope, checkChoices, checkNames} {
		if err := check(&o); err != nil {
			return o, fmt.Errorf("smtp: %w", err)
		}
	}
	orDefault(&o.Connections, 1)
	orDefault(&o.PerConnection, 100)
	orDefault(&o.Timeouts.Connect, 30*time.Second)
	orDefault(&o.Timeouts.TLS, 30*time.Second)
	orDefault(&o.Timeouts.Reply, 5*time.Minute)
	orDefault(&o.Timeouts.Block, 3*time.Minute)
	orDefault(&o.Timeouts.Final, 10*time.Minute)
	orDefault(&o.Timeouts.Quit, 10*time.Second)
	if o.Dial == nil {
		o.Dial = new(net.Dialer).DialContext
	}
	o.logins = new(sasl.Memory)
	if o.Now == nil {
		o.Now = time.Now
	}
	return o, nil
}

// orDefault sets *v to d when it is zero or negative.
func orDefault[T int | time.Duration](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}

// logsIn tells whether there is anything to log in with.
func (o *Options) logsIn() bool { return o.Password != nil || o.Token != nil || o.Auth == "external" }

// endpoint splits Address into what Dial takes.
func (o *Options) endpoint() (network, address string) {
	if path, ok := strings.CutPrefix(o.Address, "unix:"); ok {
		return "unix", path
	}
	return "tcp", o.Address
}

func checkAddress(o *Options) error {
	network, address := o.endpoint()
	host := ""
	if network == "unix" {
		if !o.LMTP || !strings.HasPrefix(address, "/") {
			return fmt.Errorf("address %q: unix:/path is for LMTP, with an absolute path", o.Address)
		}
	} else {
		var port string
		var err error
		if host, port, err = net.SplitHostPort(address); err != nil || host == "" || port == "" {
			return fmt.Errorf("address %q is not host:port", o.Address)
		}
	}
	if o.TLS == NoTLS {
		return nil
	}
	cfg := o.TLSConfig.Clone() // nil stays nil
	if cfg == nil {
		cfg = new(tls.Config)
	}
	if cfg.ServerName == "" {
		cfg.ServerName = strings.TrimSuffix(host, ".")
	}
	if cfg.ServerName == "" {
		return errors.New("TLS on a unix socket needs the name of the server")
	}
	if cfg.ClientSessionCache == nil {
		cfg.ClientSessionCache = tls.NewLRUClientSessionCache(4)
	}
	if cfg.MinVersion == 0 {
		cfg.MinVersion = tls.VersionTLS12
	}
	o.TLSConfig = cfg
	return nil
}

func checkLogin(o *Options) error {
	switch {
	case !o.logsIn() && o.Username == "":
		return nil
	case !o.logsIn() || o.Username == "":
		return errors.New("a username and a password come together")
	case strings.Contains(o.Username, "\x00"):
		return errors.New("the username holds a NUL")
	case o.TLS == NoTLS && !o.AllowPlain:
		return errors.New("a password is not sent without TLS")
	}
	return nil
}

func checkEnvelope(o *Options) error {
	switch o.From {
	case "":
		o.From = "original"
	case "original", "null":
	default:
		if !validAddress(o.From) {
			return fmt.Errorf("sender %q is not an address", o.From)
		}
	}
	for _, to := range o.To {
		if !validAddress(to) && !validLocal(to) {
			return fmt.Errorf("recipient %q is not an address", to)
		}
	}
	switch {
	case o.EnvelopeHeader == "" && len(o.To) == 0:
		return errors.New("no recipient is given")
	case o.EnvelopeHeader != "" && len(o.To) > 0:
		return errors.New("recipients are either given or taken from a header, not both")
	case o.EnvelopeHeader != "" && len(o.AllowDomains) == 0:
		return errors.New("recipients from a header need a list of allowed domains")
	case o.EnvelopeHeader != "" && !validFieldName(o.EnvelopeHeader):
		return fmt.Errorf("%q is not the name of a header field", o.EnvelopeHeader)
	case o.EnvelopeSkip < 0:
		return errors.New("the number of header fields to skip is negative")
	case o.EnvelopeHeader == "" && o.EnvelopePrefix != "":
		return errors.New("a prefix of recipients is for those from a header")
	}
	if o.To = unique(o.To); len(o.To) > maxRecipients {
		return fmt.Errorf("more than %d recipients", maxRecipients)
	}
	return nil
}

func checkChoices(o *Options) error {
	for _, c := range []struct{ name, value, one, two, three string }{
		{"bare CR", o.BareCR, "crlf", "refuse", ""},
		{"long lines", o.LongLines, "send", "refuse", ""},
		{"NUL", o.NUL, "send", "refuse", ""},
	} {
		switch c.value {
		case "", c.one, c.two, c.three:
		default:
			return fmt.Errorf("%s: unknown choice %q", c.name, c.value)
		}
	}
	if own := o.Auth == "user" || o.Auth == "apop"; o.Auth != "" && o.Auth != "auto" && (own || !slices.Contains(sasl.Methods(), o.Auth)) {
		return fmt.Errorf("auth: unknown choice %q", o.Auth)
	}
	if o.TLS < ImplicitTLS || o.TLS > NoTLS {
		return fmt.Errorf("unknown TLS mode %d", o.TLS)
	}
	return nil
}

func checkNames(o *Options) error {
	if o.Helo != "" && !validDomain(o.Helo) && !validLiteral(o.Helo) {
		return fmt.Errorf("helo %q is neither a domain nor an address literal", o.Helo)
	}
	if o.TraceBy == "" {
		o.TraceBy = o.Helo
		if o.TraceBy == "" || validLiteral(o.TraceBy) {
			o.TraceBy = hostname()
		}
	}
	if !validDomain(o.TraceBy) {
		return fmt.Errorf("trace host %q is not a domain", o.TraceBy)
	}
	return nil
}

// hostname is the host's name made legal, or "localhost".
func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return "localhost"
	}
	return legalName(name)
}

// legalName replaces what a domain cannot hold.
func legalName(name string) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '.':
			return r
		}
		return '-'
	}, strings.Trim(name, "."))
	if !validDomain(name) {
		return "localhost"
	}
	return name
}

// heloName is the argument of EHLO on a connection from this local address.
func (o *Options) heloName(local net.Addr) string {
	if o.Helo != "" {
		return o.Helo
	}
	name := hostname()
	if strings.Contains(name, ".") {
		return name
	}
	tcp, ok := local.(*net.TCPAddr)
	if !ok {
		return name
	}
	ip, ok := netip.AddrFromSlice(tcp.IP)
	if !ok {
		return name
	}
	if ip = ip.Unmap(); ip.Is4() {
		return "[" + ip.String() + "]"
	}
	return "[IPv6:" + ip.String() + "]"
}
