package trust

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"
)

// Class says in a few words why TLS did not come about.
type Class string

// The classes. Those that other rooms find out by themselves have a name outside.
const (
	Unclear Class = "unclear" // the network, or nothing that is known: it may be otherwise in a moment

	expired      Class = "expired"
	notYet       Class = "not yet valid"
	wrongClock   Class = "wrong clock" // ours, for certain
	wrongName    Class = "wrong name"
	unknownName  Class = "unknown name" // the server says so, before it shows any certificate
	selfSigned   Class = "self-signed"
	unknownCA    Class = "unknown CA"
	oldSignature Class = "old signature" // SHA-1 or MD5
	unusable     Class = "unusable certificate"
	pinMismatch  Class = "pin mismatch"
	ownMissing   Class = "client certificate missing"
	ownRefused   Class = "client certificate refused"
	ownBroken    Class = "client certificate unreadable"
	oldVersion   Class = "old version"
	belowMinimum Class = "below tls_min_version"
	noCipher     Class = "no common cipher"
	weakKey      Class = "weak key"
	plaintext    Class = "plaintext"
	notTLS       Class = "not TLS"
	portal       Class = "web server"
	protocol     Class = "other protocol"

	TLSFirst   Class = "TLS first"    // the server expects TLS where its greeting was awaited
	NoStartTLS Class = "no start TLS" // the server does not offer the command that starts TLS, or refuses it
)

// Lasting tells that no waiting helps: a person must change the configuration, the server or its certificate.
func (c Class) Lasting() bool {
	switch c {
	case Unclear, wrongClock, notTLS, portal, ownBroken, unknownName:
		return false
	}
	return true
}

// Failure is a handshake that failed. Its text and its hint hold nothing of a server's that was not made harmless, and no secret.
type Failure struct {
	Class Class
	Err   error // what crypto/tls says
	facts facts
}

// Error says what is wrong, in plain words.
func (f *Failure) Error() string { return f.facts.text(f.Class, f.Err) }

// Hint is the next step for a person; "" where there is nothing but trying again. With the key of a server that could not prove
// who it is, it has the line that would let that key through.
func (f *Failure) Hint() string { return f.facts.hint(f.Class) }

// Unwrap gives the cause.
func (f *Failure) Unwrap() error { return f.Err }

// Answered tells that the other side speaks TLS, whatever was wrong.
func (f *Failure) Answered() bool { return len(f.facts.chain) > 0 || alertOf(f.Err) != 0 }

// facts are what is known of a handshake that failed.
type facts struct {
	cfg   *tls.Config
	asked bool // the server asked for our certificate
	gave  bool // and got one
	now   time.Time

	chain   []*x509.Certificate // what the server sent; its own is the first
	fault   *x509.Certificate   // the one whose dates are wrong
	issuer  *x509.Certificate   // whose key is pinned, where that of the server is not
	version uint16              // the one that the server chose; 0: not known
	alert   uint64              // what the server sent; 0: none
	own     error               // why our certificate could not be read
}

// explain finds the class of an error of crypto/tls, and the facts that its words need.
func explain(err error, f facts) Failure {
	var (
		verification *tls.CertificateVerificationError
		record       tls.RecordHeaderError
		pin          *pinError
		own          *ownError
	)
	f.alert = alertOf(err)
	class := Unclear
	switch {
	case errors.As(err, &pin):
		f.chain, f.issuer, class = pin.chain, pin.issuer, pinMismatch
	case errors.As(err, &own):
		f.own, class = own.err, ownBroken
	case errors.As(err, &verification):
		f.chain = verification.UnverifiedCertificates
		class = f.verification(verification.Err)
	case errors.As(err, &record):
		class = stranger(string(record.RecordHeader[:]))
	case f.alert != 0:
		class = f.alerted()
	default:
		class = f.told(err.Error())
	}
	return Failure{class, err, f}
}

// floor is before the first release of this program: a clock that says less is wrong.
var floor = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// verification is the class of what crypto/x509 says of the certificate.
func (f *facts) verification(err error) Class {
	var (
		invalid x509.CertificateInvalidError
		name    x509.HostnameError
		unknown x509.UnknownAuthorityError
	)
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		f.fault = invalid.Cert
		switch {
		case f.now.Before(floor):
			return wrongClock
		case f.now.Before(invalid.Cert.NotBefore):
			return notYet
		}
		return expired
	case errors.As(err, &name):
		return wrongName
	case errors.As(err, &unknown):
		switch {
		case oldSigned(f.chain) != "":
			return oldSignature
		case bySelf(leafOf(f.chain)):
			return selfSigned
		}
		return unknownCA
	}
	return unusable
}

// alerted is the class of an alert that the server sent.
func (f *facts) alerted() Class {
	switch {
	case f.asked && (f.alert == alertHandshakeFailure || aboutOurs(f.alert)), f.alert == alertCertificateRequired:
		if f.gave {
			return ownRefused
		}
		return ownMissing
	}
	switch f.alert {
	case alertHandshakeFailure, alertInsufficientSecurity:
		return noCipher
	case alertProtocolVersion:
		if f.cfg.MinVersion >= tls.VersionTLS13 {
			return belowMinimum
		}
		return oldVersion
	case alertNoProtocol:
		return protocol
	case alertUnrecognizedName:
		return unknownName
	}
	return Unclear
}

// told is the class of errors of crypto/tls that have no type.
func (f *facts) told(text string) Class {
	if _, version, ok := strings.Cut(text, "server selected unsupported protocol version "); ok {
		if v, err := strconv.ParseUint(version, 16, 16); err == nil {
			f.version = uint16(v)
		}
		if f.version == tls.VersionTLS12 || f.version != 0 && f.version >= tls.VersionTLS10 && f.cfg.MinVersion >= tls.VersionTLS13 {
			return belowMinimum
		}
		return oldVersion
	}
	for _, t := range []struct {
		words string
		class Class
	}{
		{"server chose an unconfigured cipher suite", noCipher},
		{"unsupported curve", noCipher},
		{"keys are insecure", weakKey},
		{"RSA key larger than", weakKey},
		{"certificate used with invalid signature algorithm", oldSignature},
		{"unadvertised ALPN protocol", protocol},
		{"failed to parse certificate", unusable},
		{"unsupported type of public key", unusable},
	} {
		if strings.Contains(text, t.words) {
			return t.class
		}
	}
	return Unclear
}

// stranger is what answers where TLS was awaited, by its first octets.
func stranger(head string) Class {
	is := func(words ...string) bool {
		for _, w := range words {
			if strings.HasPrefix(head, w) {
				return true
			}
		}
		return false
	}
	switch {
	case is("+OK ", "+OK\r", "220 ", "220-", "* OK", "* PRE"):
		return plaintext
	case is("HTTP/", "<"):
		return portal
	}
	return notTLS
}

// bySelf tells whether a certificate is signed by itself.
func bySelf(c *x509.Certificate) bool {
	return c != nil && string(c.RawIssuer) == string(c.RawSubject)
}

// oldSigned names the hash of a signature in the chain that can be forged; "": there is none. What a root says of itself proves
// nothing, and nobody looks at it.
func oldSigned(chain []*x509.Certificate) string {
	for _, c := range chain {
		if bySelf(c) {
			continue
		}
		switch c.SignatureAlgorithm {
		case x509.SHA1WithRSA, x509.ECDSAWithSHA1, x509.DSAWithSHA1:
			return "SHA-1"
		case x509.MD5WithRSA, x509.MD2WithRSA:
			return "MD5"
		}
	}
	return ""
}

// ended tells that the server hung up.
func ended(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }
