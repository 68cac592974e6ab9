package trust

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/popsync/popsync/internal/foreign"
	"github.com/popsync/popsync/internal/words"
)

// Most octets that are shown of a name in a certificate, and of the words of crypto/tls.
const (
	maxName = 80
	maxText = 300
)

// text says what is wrong.
func (f *facts) text(c Class, err error) string {
	leaf := leafOf(f.chain)
	switch c {
	case expired:
		return fmt.Sprintf("%s expired on %s (this machine's clock says %s)", f.whose(), date(f.fault.NotAfter), date(f.now))
	case notYet:
		return fmt.Sprintf("%s is not valid before %s, and this machine's clock says %s", f.whose(), date(f.fault.NotBefore), date(f.now))
	case wrongClock:
		return fmt.Sprintf("this machine's clock says %s, which is wrong, so no certificate can be judged", date(f.now))
	case wrongName:
		if len(leaf.DNSNames)+len(leaf.IPAddresses) == 0 {
			return fmt.Sprintf("the server's certificate names no host (only %s, which does not count any more), so it is not for %s", subject(leaf), f.name())
		}
		return fmt.Sprintf("the server's certificate is for %s, not for %s", namesOf(leaf), f.name())
	case selfSigned:
		return "the server's certificate is self-signed, so it proves nothing; its key is " + Pin(leaf)
	case unknownCA:
		return fmt.Sprintf("the server's certificate was issued by %s, which this machine does not trust; its key is %s", issuer(leaf), Pin(leaf))
	case oldSignature:
		if hash := oldSigned(f.chain); hash != "" {
			return fmt.Sprintf("the server's certificate is signed by means of %s, which can be forged, so it proves nothing; its key is %s", hash, Pin(leaf))
		}
		return "the server signs the handshake by means of SHA-1, which can be forged"
	case unusable:
		return "the server's certificate cannot be used: " + tidy(err)
	case weakKey:
		return "the key of the server's certificate is of a size that is not safe: " + tidy(err)
	case pinMismatch:
		if leaf == nil {
			return "the server sent no certificate, and a key is pinned in tls_pin"
		}
		text := fmt.Sprintf("the server's key is %s (%s, valid since %s), which is not pinned in tls_pin", Pin(leaf), subject(leaf), date(leaf.NotBefore))
		if f.issuer != nil {
			text += fmt.Sprintf("; pinned is the key of %s, which issued a certificate that the server sent, and only the server's own key counts", subject(f.issuer))
		}
		return text
	case ownMissing:
		return "the server wants a client certificate, and none is configured"
	case ownRefused:
		return "the server refused the certificate of tls_client_cert" + f.reason()
	case ownBroken:
		return tidy(f.own)
	case unknownName:
		return "the server does not know the name " + f.name()
	case oldVersion:
		switch {
		case f.version != 0 && f.version < tls.VersionTLS10:
			return "the server speaks SSL 3.0 only, which popsync cannot speak, and which is not safe"
		case asksLegacy(f.cfg):
			return "the server speaks no version of TLS that popsync knows"
		case f.version != 0:
			return "the server speaks no TLS newer than " + number(f.version) + ", which is not safe"
		}
		return "the server speaks no TLS newer than 1.1, which is not safe"
	case belowMinimum:
		return "the server speaks no TLS " + number(f.cfg.MinVersion) + ", which tls_min_version demands"
	case noCipher:
		if asksLegacy(f.cfg) {
			return "the server wants a key exchange or a cipher that popsync does not have, such as DHE key exchange or RC4 alone"
		}
		return "the server and popsync have no safe encryption in common (its key exchange or its ciphers are too old)"
	case plaintext:
		return "the server does not speak TLS on this port: it greets in plain text"
	case portal:
		return "the server does not speak TLS on this port: a web server answers"
	case notTLS:
		return "the server does not speak TLS on this port"
	case protocol:
		return "the server offers another protocol on this port" + f.wanted()
	}
	if ended(err) {
		return "the server closed the connection in the middle of the handshake"
	}
	return tidy(err)
}

// name is whom the certificate was to be for.
func (f *facts) name() string { return foreign.Show([]byte(f.cfg.ServerName), maxName) }

// whose names the certificate whose dates are wrong.
func (f *facts) whose() string {
	if leaf := leafOf(f.chain); leaf != nil && f.fault != nil && !f.fault.Equal(leaf) {
		return "the certificate of " + subject(f.fault) + ", which issued the server's,"
	}
	return "the server's certificate"
}

// reason is why the server refused our certificate, as its alert says.
func (f *facts) reason() string {
	switch f.alert {
	case alertExpired:
		return ": it has expired"
	case alertRevoked:
		return ": it was revoked"
	case alertUnknownCA:
		return ": it does not trust who issued it"
	case alertUnsupported:
		return ": it is of a kind that it does not take"
	case alertAccessDenied:
		return ": its owner may not come in"
	}
	return ""
}

// wanted is which protocol was asked for.
func (f *facts) wanted() string {
	if len(f.cfg.NextProtos) == 0 {
		return ""
	}
	return ", not " + strings.ToUpper(f.cfg.NextProtos[0])
}

// namesOf are those that a certificate is for; three, and how many more.
func namesOf(c *x509.Certificate) string {
	var all []string
	for _, n := range c.DNSNames {
		all = append(all, foreign.Show([]byte(n), maxName))
	}
	for _, ip := range c.IPAddresses {
		if a, ok := netip.AddrFromSlice(ip); ok {
			all = append(all, a.String())
		}
	}
	if more := len(all) - 3; more > 0 {
		return strings.Join(all[:3], ", ") + " and " + words.Number(more, "more name")
	}
	return strings.Join(all, ", ")
}

func subject(c *x509.Certificate) string {
	return title(c.Subject.CommonName, c.Subject.Organization, c.Subject.String())
}
func issuer(c *x509.Certificate) string {
	return title(c.Issuer.CommonName, c.Issuer.Organization, c.Issuer.String())
}

// title is what people call somebody that a certificate names.
func title(common string, organization []string, whole string) string {
	name := common
	if name == "" && len(organization) > 0 {
		name = organization[0]
	}
	if name == "" {
		name = whole
	}
	if name == "" {
		return "somebody without a name"
	}
	return `"` + foreign.Show([]byte(name), maxName) + `"`
}

// tidy is an error of crypto/tls, in which names of a certificate may stand.
func tidy(err error) string {
	text := err.Error()
	for _, p := range []string{"tls: ", "remote error: tls: ", "failed to verify certificate: ", "x509: "} {
		text = strings.TrimPrefix(text, p)
	}
	return foreign.Show([]byte(text), maxText)
}

// date is a point in time as certificates have it.
func date(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// number is a version of TLS, as people count.
func number(v uint16) string { return strings.TrimPrefix(tls.VersionName(v), "TLS ") }
