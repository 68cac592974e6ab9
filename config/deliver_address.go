package config

import (
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/popsync/popsync/config/document"
)

// unixPrefix begins the address of a unix socket.
const unixPrefix = "unix:"

// endpoint is where a server listens: host and port, or path. All empty: not known.
type endpoint struct {
	host string // without brackets
	port int    // 0: the one for the kind of TLS
	path string // of a unix socket
}

// address joins an endpoint again. The ports are registered (RFC 8314, section 7.3; RFC 6409, section 3.1; RFC 5321,
// section 4.5.4.2).
func (e endpoint) address(t TLS) string {
	if e.path != "" {
		return unixPrefix + e.path
	}
	if e.host == "" {
		return ""
	}
	port, ok := e.port, true
	if port == 0 {
		port, ok = map[TLS]int{TLSImplicit: 465, TLSStartTLS: 587, TLSNone: 25}[t]
	}
	if !ok {
		return ""
	}
	return net.JoinHostPort(e.host, strconv.Itoa(port))
}

// convert accepts an address for this type of destination. What may hold a login is not shown.
func (e *endpoint) convert(t string) convert {
	var s string
	return func(v any) *fault {
		f := text(&s, nil)(v)
		if f == nil {
			var got endpoint
			if got, f = parseEndpoint(t, s); f == nil {
				*e = got
			}
		}
		return f
	}
}

func parseEndpoint(t, s string) (e endpoint, f *fault) {
	const hint = "write host:port"
	switch path, unix := strings.CutPrefix(s, unixPrefix); {
	case s == "":
		return e, &fault{text: "must not be empty"}
	case unix && (t == typeSMTP || t == typeIMAP || t == typeGmail):
		return e, &fault{text: "a unix socket is for type lmtp", hint: hint}
	case unix:
		return parseUnix(path)
	case s[0] == '/' && t == typeLMTP:
		return e, &fault{text: "a path without unix: in front", hint: "write unix:/..."}
	case strings.Contains(s, "://"):
		return e, &fault{text: "an address with a scheme", hint: hint + ", and choose tls by its key"}
	case strings.Contains(s, "@"):
		return e, &fault{text: "an address with a login", hint: hint + "; a login has keys of its own"}
	}
	e, given, f := parseHostPort(s)
	if f == nil && !given && t == typeLMTP {
		return endpoint{}, &fault{text: "the port is missing", hint: "LMTP has none of its own; " + hint}
	}
	return e, f
}

// parseUnix reads what stands after unixPrefix.
func parseUnix(path string) (endpoint, *fault) {
	switch {
	case !filepath.IsAbs(path):
		return endpoint{}, &fault{text: "the path of the unix socket is not absolute", hint: "write unix:/..."}
	case strings.ContainsRune(path, 0):
		return endpoint{}, &fault{text: "a path can't hold a NUL"}
	}
	return endpoint{path: filepath.Clean(path)}, nil
}

// parseHostPort reads a host with or without a port; given tells which. It shows what it is given.
func parseHostPort(s string) (e endpoint, given bool, f *fault) {
	port := ""
	if inner, rest, ok := strings.Cut(strings.TrimPrefix(s, "["), "]"); ok && s[0] == '[' {
		a, err := netip.ParseAddr(inner)
		if port, given = strings.CutPrefix(rest, ":"); err != nil || !a.Is6() || !given && rest != "" {
			return e, false, &fault{text: document.Shown(s) + " is not an IPv6 address in brackets", hint: `such as "[::1]:25"`}
		}
		e.host = inner
	} else if strings.Count(s, ":") > 1 {
		return e, false, &fault{text: document.Shown(s) + " has more than one colon", hint: `an IPv6 address stands in brackets: "[::1]:25"`}
	} else {
		e.host, port, given = strings.Cut(s, ":")
		if e.host == "" {
			return endpoint{}, false, &fault{text: "the host is missing", hint: "write host:port"}
		}
		if f := checkHost(e.host); f != nil {
			return endpoint{}, false, f
		}
	}
	if !given {
		return e, false, nil
	}
	if e.port, f = parsePort(port); f != nil {
		return endpoint{}, true, f
	}
	return e, true, nil
}

func parsePort(s string) (int, *fault) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || s[0] == '0' {
		return 0, &fault{text: document.Shown(s) + " is not a port", hint: "1 to 65535"}
	}
	return int(n), nil
}

// portOf is the port in "host:port"; 0: there is none.
func portOf(address string) int {
	i := strings.LastIndexByte(address, ':')
	if i < 0 || strings.HasPrefix(address, unixPrefix) {
		return 0
	}
	port, _ := parsePort(address[i+1:])
	return port
}
