package gmail

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// checked returns o with all defaults filled in, or says what is wrong with it.
func (o Options) checked() (Options, error) {
	o.Address = cmp.Or(o.Address, Address)
	host, port, err := net.SplitHostPort(o.Address)
	switch {
	case err != nil || host == "" || port == "":
		return o, fmt.Errorf("gmail: address %q is not host:port", o.Address)
	case o.Username == "" || o.Token == nil:
		return o, errors.New("gmail: a username and a token are needed")
	case strings.ContainsFunc(o.Username, unicode.IsControl):
		return o, errors.New("gmail: the username holds what no address can hold")
	}
	for _, name := range o.Labels {
		if err := checkLabel(name); err != nil {
			return o, fmt.Errorf("gmail: label %q %w", name, err)
		}
	}
	cfg := o.TLSConfig.Clone() // nil stays nil
	if cfg == nil {
		cfg = new(tls.Config)
	}
	if cfg.MinVersion == 0 {
		cfg.MinVersion = tls.VersionTLS12
	}
	cfg.NextProtos = []string{"http/1.1"}
	o.TLSConfig = cfg
	orDefault(&o.Connections, 2)
	orDefault(&o.Timeouts.Connect, 30*time.Second)
	orDefault(&o.Timeouts.TLS, 30*time.Second)
	orDefault(&o.Timeouts.Reply, 2*time.Minute)
	orDefault(&o.Timeouts.Block, 3*time.Minute)
	if o.Dial == nil {
		o.Dial = new(net.Dialer).DialContext
	}
	if o.Pacers == nil {
		o.Pacers = new(Pacers)
	}
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

// checkLabel refuses names that no label can have.
func checkLabel(name string) error {
	switch {
	case name == "":
		return errors.New("is empty")
	case len(name) > 225:
		return errors.New("is longer than 225 octets")
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return errors.New("holds what no name can hold")
	}
	return nil
}
