package trust

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"

	"github.com/popsync/popsync/internal/foreign"
	"github.com/popsync/popsync/internal/nextstep"
)

// Hint is the next step after a failure of which no more is known than its class; "": there is none.
func (c Class) Hint() string { return (&facts{cfg: new(tls.Config)}).hint(c) }

// none is what all of them have to say: whatever was wrong, the password is still a secret.
const none = "no password was sent; "

// hotel is for portals that answer in the place of every server.
const hotel = "in the network of a hotel or a train, log in to that first"

// hint is the next step.
func (f *facts) hint(c Class) string {
	if f.web() {
		return webHint(c)
	}
	switch c {
	case expired:
		return none + "the server's owner must renew it; if this machine's clock is wrong, set it" + f.accept("to let its key through until then")
	case notYet:
		return none + "if this machine's clock is wrong, set it; else the server's owner must replace the certificate" + f.accept("to let its key through until then")
	case wrongClock:
		return none + "set the clock of this machine, and see that something keeps it right, such as systemd-timesyncd or chrony"
	case wrongName:
		text := none + "check host; " + hotel
		if name := f.usable(); name != "" {
			text += fmt.Sprintf(`; if the server's owner says that %s is the right server, set tls_server_name = "%[1]s"`, name)
		}
		return text + f.accept("to let its key through whatever its name")
	case selfSigned:
		return none + "ask the server's owner what its key is; " + hotel + f.accept("to let it through")
	case unknownCA:
		text := none + `name that issuer's certificate in ca_file`
		if noAuthorities(f.cfg.RootCAs) {
			text = none + "this machine has no authorities that it trusts: install ca-certificates, or name the issuer's certificate in ca_file"
		} else if len(f.chain) == 1 {
			text += "; perhaps the server forgot the certificates in between: it sent its own alone"
		}
		return text + "; " + hotel + f.accept("to let this key alone through")
	case oldSignature, unusable, weakKey:
		return none + "the server's owner must replace the certificate" + f.accept("to let its key through until then")
	case pinMismatch:
		if leafOf(f.chain) == nil {
			return none + "check host, port and tls"
		}
		return none + "either the server has a new key, or somebody sits between it and you: ask the server's owner" + f.accept("only if it is the new key")
	case ownMissing:
		return none + "set tls_client_cert and tls_client_key to the files that the server's owner gives you"
	case ownRefused:
		return none + "ask the server's owner for a certificate that it takes, and name it in tls_client_cert"
	case ownBroken:
		return none + nextstep.Of(f.own)
	case unknownName:
		return none + "check host, or set tls_server_name to the name that the server's owner tells you"
	case oldVersion:
		if asksLegacy(f.cfg) || f.version != 0 && f.version < tls.VersionTLS10 {
			return none + "ask the provider for a server with TLS 1.2, or put a proxy such as stunnel beside the server"
		}
		return none + "ask the provider for a server with TLS 1.2, or for another host or port; if there is none and you accept that others may break the encryption, set tls_legacy = true"
	case belowMinimum:
		return none + `set tls_min_version = "1.2", or ask the provider for a server with more`
	case noCipher:
		if asksLegacy(f.cfg) {
			return none + "the server's owner must allow ECDHE key exchange and AES; or put a proxy such as stunnel beside the server"
		}
		return none + "ask the provider for another host or port; if there is none, tls_legacy = true helps where the server has RSA key exchange, CBC or 3DES, at the risk that others break the encryption; DHE alone popsync does not have"
	case plaintext:
		return none + `use the port for TLS (995 for POP3, 993 for IMAP, 465 for SMTP), or set tls = "starttls" on this one`
	case portal:
		return none + hotel + " with a browser; else check host and port"
	case notTLS:
		return none + "check host, port and tls"
	case protocol:
		return none + "check host and port"
	case TLSFirst:
		return none + `set tls = "implicit"`
	case NoStartTLS:
		return none + `try tls = "implicit", on port 995 for POP3, 993 for IMAP and 465 for SMTP; if the server did offer it before, somebody may sit in between`
	}
	return ""
}

// web tells that HTTP was to be spoken. The address is that of a service then, and none of the keys of a mail server helps.
func (f *facts) web() bool {
	return slices.Contains(f.cfg.NextProtos, "http/1.1") || slices.Contains(f.cfg.NextProtos, "h2")
}

// webHint is hint for HTTP.
func webHint(c Class) string {
	const none = "nothing was sent; "
	switch c {
	case expired, notYet, wrongClock:
		return none + "if this machine's clock is wrong, set it; else whoever runs the service must replace its certificate"
	case wrongName, selfSigned, unknownCA, portal, plaintext, notTLS, protocol, unknownName:
		return none + "check the address; " + hotel + "; if a proxy looks into connections here, this machine must trust its certificate"
	case Unclear:
		return ""
	}
	return none + "whoever runs the service must mend that"
}

// accept is the line that would let the server's key through, with what has to be done before; "" if no key is known.
func (f *facts) accept(what string) string {
	leaf := leafOf(f.chain)
	if leaf == nil {
		return ""
	}
	return fmt.Sprintf(`; %s, once the server's owner has confirmed it: tls_pin = "%s"`, what, Pin(leaf))
}

// usable is a name of the certificate that could be asked for, if the certificate is sound otherwise; "": there is none.
func (f *facts) usable() string {
	leaf := leafOf(f.chain)
	if leaf == nil {
		return ""
	}
	between := x509.NewCertPool()
	for _, c := range f.chain[1:] {
		between.AddCert(c)
	}
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: f.cfg.RootCAs, Intermediates: between, CurrentTime: f.now}); err != nil {
		return ""
	}
	for _, name := range leaf.DNSNames {
		if !strings.HasPrefix(name, "*") && foreign.Word(name) == name {
			return name
		}
	}
	return ""
}

// noAuthorities tells that nobody is trusted on this machine.
func noAuthorities(pool *x509.CertPool) bool {
	if pool == nil {
		var err error
		if pool, err = x509.SystemCertPool(); err != nil {
			return true
		}
	}
	return pool.Equal(x509.NewCertPool())
}
