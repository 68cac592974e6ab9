package imap

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/popsync/popsync/internal/sasl"
)

// checked returns o with all defaults filled in, or says what is wrong with it.
func (o Options) checked() (Options, error) {
	for _, check := range []func(*Options) error{checkAddress, checkLogin, checkFolder} {
		if err := check(&o); err != nil {
			return o, fmt.Errorf("imap: %w", err)
		}
	}
	orDefault(&o.Connections, 1)
	orDefault(&o.calm, calmTime)
	o.InFlight = max(o.InFlight, 0)
	orDefault(&o.Timeouts.Connect, 30*time.Second)
	orDefault(&o.Timeouts.TLS, 30*time.Second)
	orDefault(&o.Timeouts.Reply, 5*time.Minute)
	orDefault(&o.Timeouts.Block, 3*time.Minute)
	orDefault(&o.Timeouts.Quit, 10*time.Second)
	if o.Dial == nil {
		o.Dial = new(net.Dialer).DialContext
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	o.logins = new(sasl.Memory)
	return o, nil
}

// orDefault sets *v to d when it is zero or negative.
func orDefault[T int | time.Duration](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}

func checkAddress(o *Options) error {
	host, port, err := net.SplitHostPort(o.Address)
	if err != nil || host == "" || port == "" {
		return fmt.Errorf("address %q is not host:port", o.Address)
	}
	switch o.TLS {
	case NoTLS:
		return nil
	case ImplicitTLS, StartTLS:
	default:
		return fmt.Errorf("unknown TLS mode %d", o.TLS)
	}
	cfg := o.TLSConfig.Clone() // nil stays nil
	if cfg == nil {
		cfg = new(tls.Config)
	}
	if cfg.ServerName == "" {
		cfg.ServerName = strings.TrimSuffix(host, ".")
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
	case o.Password == nil && o.Token == nil && o.Auth != "external", o.Username == "":
		return errors.New("a username and a password, or a token, are needed")
	case o.Password != nil && o.Token != nil:
		return errors.New("a password and a token do not go together")
	case strings.ContainsAny(o.Username, "\x00\r\n"):
		return errors.New("the username holds a NUL or a line end")
	case o.TLS == NoTLS && !o.AllowPlain:
		return errors.New("a password is not sent without TLS")
	}
	if own := o.Auth == "user" || o.Auth == "apop"; o.Auth != "" && o.Auth != "auto" && (own || !slices.Contains(sasl.Methods(), o.Auth)) {
		return fmt.Errorf("auth: unknown choice %q", o.Auth)
	}
	return nil
}

func checkFolder(o *Options) error {
	if o.Folder == "" {
		o.Folder = inbox
	}
	switch {
	case !utf8.ValidString(o.Folder) || strings.ContainsFunc(o.Folder, unicode.IsControl):
		return errors.New("the folder holds what no name can hold")
	case len(o.Folder) > 500:
		return errors.New("the folder's name is too long")
	case strings.ContainsAny(o.Folder, "*%"):
		return errors.New("the folder holds * or %, which stand for any name")
	}
	for part := range strings.SplitSeq(o.Folder, "/") {
		if part == "" {
			return errors.New("the folder begins or ends with /, or has two of them in a row")
		}
	}
	return nil
}
