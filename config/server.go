package config

import (
	"net/netip"
	"strings"

	"github.com/popsync/popsync/config/document"
)

// checkHost accepts a host name or an address, an IPv6 one also in brackets.
func checkHost(s string) *fault {
	bad := func(what, hint string) *fault { return &fault{text: document.Shown(s) + " " + what, hint: hint} }
	switch {
	case s == "":
		return &fault{text: "must not be empty"}
	case strings.Contains(s, "://"):
		return bad("is an address with a scheme", "write the name of the server only, and choose tls and port by their keys")
	case isAddress(bareHost(s)):
		return nil
	case strings.Contains(s, ":"):
		return bad("is not a host name", "write the port as port = 995")
	case strings.Contains(s, "@"):
		return bad("is not a host name", "a login name is written as username = \"...\"")
	case len(s) > 253:
		return bad("is too long for a host name", "")
	}
	for _, label := range strings.Split(strings.TrimSuffix(s, "."), ".") {
		if label == "" || len(label) > 63 || label[0] == '-' {
			return bad("is not a host name", "")
		}
		for i := range len(label) {
			if c := label[i]; c >= 0x80 {
				return bad("is not a host name in ASCII", "write the form that begins with xn--")
			} else if !document.Bare(c) {
				return bad("is not a host name", "letters, digits, dots and hyphens")
			}
		}
	}
	return nil
}

// bareHost removes the brackets around an IPv6 address.
func bareHost(s string) string {
	if inner, ok := strings.CutPrefix(s, "["); ok {
		if inner, ok = strings.CutSuffix(inner, "]"); ok && strings.Contains(inner, ":") {
			return inner
		}
	}
	return s
}

func isAddress(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil
}

// loopback tells whether a connection to this host stays on this machine whatever a resolver says.
func loopback(host string) bool {
	if a, err := netip.ParseAddr(host); err == nil {
		return a.Unmap().IsLoopback()
	}
	return strings.EqualFold(host, "localhost")
}

// defaultPort is the registered port (RFC 1939, section 3; RFC 8314, section 7.3).
func defaultPort(t TLS) int {
	if t == TLSImplicit {
		return 995
	}
	return 110
}

// checkUsername refuses what would end the command line of a login.
func checkUsername(s string) *fault {
	switch {
	case s == "":
		return &fault{text: "must not be empty"}
	case strings.ContainsAny(s, "\r\n\x00"):
		return &fault{text: "must not hold a line end or a NUL"}
	}
	return nil
}

// checkName accepts what may become part of a path, a log line and a metric.
func checkName(s string) *fault {
	const rule = "1 to 64 of a-z 0-9 . _ -, not beginning with . or -"
	ok := s != "" && len(s) <= 64 && s[0] != '.' && s[0] != '-'
	for i := range len(s) {
		c := s[i]
		ok = ok && (c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-')
	}
	if !ok {
		return &fault{text: "not a name that can be used", hint: rule}
	}
	return nil
}
