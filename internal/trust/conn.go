package trust

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"reflect"
	"time"
)

// Conn is the client's side of a TLS connection. It says in plain words why it failed: errors of a handshake, and of a server
// that refuses our certificate only behind it, are *Failure.
type Conn struct {
	*tls.Conn
	cfg   *tls.Config
	asked bool // the server asked for a certificate of ours
	gave  bool // and was given one
}

// Client puts TLS on a connection. cfg is cloned; nil means the defaults of crypto/tls. It should name the server, and usually
// is one of Options.
func Client(conn net.Conn, cfg *tls.Config) *Conn {
	if cfg = cfg.Clone(); cfg == nil {
		cfg = new(tls.Config)
	}
	c := &Conn{cfg: cfg}
	get, own := cfg.GetClientCertificate, cfg.Certificates
	cfg.GetClientCertificate = func(r *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		c.asked = true
		cert, err := new(tls.Certificate), error(nil)
		if get != nil {
			cert, err = get(r)
		} else {
			for i := range own {
				if r.SupportsCertificate(&own[i]) == nil {
					cert = &own[i]
					break
				}
			}
		}
		c.gave = err == nil && len(cert.Certificate) > 0
		return cert, err
	}
	c.Conn = tls.Client(conn, cfg)
	return c
}

// HandshakeContext shakes hands. An error is a *Failure; one that came because ctx ended wraps what crypto/tls says of that.
func (c *Conn) HandshakeContext(ctx context.Context) error {
	err := c.Conn.HandshakeContext(ctx)
	if err == nil {
		return nil
	}
	return c.explain(err)
}

// Read is that of the connection. In TLS 1.3 a server refuses our certificate, or that there is none, when we think that all
// went well (RFC 8446, section 4.4.2.4), so that it shows in what is read.
func (c *Conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if err != nil && aboutOurs(alertOf(err)) {
		err = c.explain(err)
	}
	return n, err
}

func (c *Conn) explain(err error) error {
	now := time.Now
	if c.cfg.Time != nil {
		now = c.cfg.Time
	}
	f := explain(err, facts{cfg: c.cfg, asked: c.asked, gave: c.gave, now: now()})
	return &f
}

// Alerts of TLS (RFC 8446, section 6; RFC 7301, section 3.2).
const (
	alertHandshakeFailure     = 40
	alertBadCertificate       = 42
	alertUnsupported          = 43
	alertRevoked              = 44
	alertExpired              = 45
	alertCertificateUnknown   = 46
	alertUnknownCA            = 48
	alertAccessDenied         = 49
	alertProtocolVersion      = 70
	alertInsufficientSecurity = 71
	alertUnrecognizedName     = 112
	alertCertificateRequired  = 116
	alertNoProtocol           = 120
)

// aboutOurs tells whether an alert that a server sends is about the certificate of its client.
func aboutOurs(alert uint64) bool {
	switch alert {
	case alertBadCertificate, alertUnsupported, alertRevoked, alertExpired, alertCertificateUnknown, alertUnknownCA, alertAccessDenied, alertCertificateRequired:
		return true
	}
	return false
}

// alertOf is the alert that the server sent, 0 for none. Its type in crypto/tls has no name outside.
func alertOf(err error) uint64 {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "remote error" || op.Err == nil {
		return 0
	}
	if v := reflect.ValueOf(op.Err); v.Kind() == reflect.Uint8 {
		return v.Uint()
	}
	return 0
}
