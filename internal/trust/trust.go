// Package trust decides which servers a connection may be made to by TLS, and says in plain words why one failed. POP3, SMTP,
// LMTP and whatever else connects for an account use the same: settings go in as plain Options, a *tls.Config comes out, and
// Client shakes hands with it.
//
// It follows RFC 8446 and RFC 5246 (TLS 1.3 and 1.2), RFC 8996 (what is older is off unless it is asked for), RFC 9525 (names,
// as crypto/x509 has them) and RFC 7469, section 2.4, for how a key is written, with the spelling of curl: sha256//BASE64.
//
// It refuses to connect to a server whose certificate proves nothing, unless its very key is pinned; to let GODEBUG
// choose the least version or the suites; and to read files that others can change, or a private key that others can read. It retries
// nothing and keeps nothing between connections but what a *tls.Config of crypto/tls does.
package trust

import (
	"crypto/tls"
	"crypto/x509"
)

// Options say whom to trust. Zero fields mean the defaults: the system's authorities and the name that is connected to, TLS 1.2
// or later, no certificate of our own.
type Options struct {
	CAFile string // absolute path of PEM certificates that are trusted in addition; "": none
	// Pins are keys of the server, as Pin writes them. Where there are any, one of them must be the key of the server's own
	// certificate, and nothing else is looked at: neither who issued it, nor its names, nor its dates.
	Pins       []string
	ClientCert string // absolute path of our own certificate, with those of its issuers behind it, in PEM; "": none
	ClientKey  string // absolute path of its private key in PEM; "": it is in ClientCert, too
	ServerName string // the name that the certificate must have, and that is sent (SNI); "": the host that is connected to
	MinVersion string // "1.2" or "1.3"; "": 1.2
	// Legacy lets TLS 1.0 and 1.1, RSA key exchange, CBC and 3DES through. Whoever sits in between may then break what is sent.
	Legacy bool
}

// Config makes the configuration. It reads the files, which must be there; those of our own certificate are read again at each
// handshake that needs them, so that a new one counts at once. Errors tell the next step: see nextstep.
//
// What it makes always names its least version and its suites, so that nothing in the environment changes them.
func (o Options) Config() (*tls.Config, error) {
	cfg := &tls.Config{ServerName: o.ServerName, MinVersion: tls.VersionTLS12, CipherSuites: suites(o.Legacy)}
	switch {
	case o.MinVersion == "1.3":
		cfg.MinVersion = tls.VersionTLS13
	case o.Legacy:
		cfg.MinVersion = tls.VersionTLS10
	}
	var err error
	if cfg.RootCAs, err = roots(o.CAFile); err != nil {
		return nil, err
	}
	if o.ClientCert != "" {
		if _, err := o.client(); err != nil {
			return nil, err
		}
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			cert, err := o.client()
			if err != nil {
				return nil, &ownError{err}
			}
			return cert, nil
		}
	}
	if len(o.Pins) > 0 {
		// The pin alone decides: VerifyConnection is called for each connection, resumed ones as well.
		cfg.InsecureSkipVerify = true
		cfg.VerifyConnection = func(s tls.ConnectionState) error { return checkPins(o.Pins, s.PeerCertificates) }
	}
	return cfg, nil
}

// legacy are the suites that Legacy adds: all that crypto/tls has, but for RC4, which is no encryption any more.
var legacy = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256,
	tls.TLS_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_RSA_WITH_AES_256_GCM_SHA384, tls.TLS_RSA_WITH_AES_128_CBC_SHA256,
	tls.TLS_RSA_WITH_AES_128_CBC_SHA, tls.TLS_RSA_WITH_AES_256_CBC_SHA,
	tls.TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA, tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA,
}

// suites are those of TLS 1.2 and before. Which is preferred crypto/tls decides; those of TLS 1.3 are not a matter of choice.
func suites(old bool) (all []uint16) {
	for _, s := range tls.CipherSuites() {
		all = append(all, s.ID)
	}
	if old {
		all = append(all, legacy...)
	}
	return all
}

// asksLegacy tells whether a configuration lets old TLS through.
func asksLegacy(cfg *tls.Config) bool {
	return cfg.MinVersion != 0 && cfg.MinVersion < tls.VersionTLS12
}

// unverified tells that nobody verified the certificate: the key alone let the server through.
func unverified(s tls.ConnectionState) bool { return len(s.VerifiedChains) == 0 }

// leafOf is the server's own certificate; nil: it has sent none.
func leafOf(chain []*x509.Certificate) *x509.Certificate {
	if len(chain) == 0 {
		return nil
	}
	return chain[0]
}
