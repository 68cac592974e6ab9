package config

import (
	"strings"

	"github.com/popsync/popsync/config/document"
)

// Metrics says where monitoring finds figures.
type Metrics struct {
	Listen   string // "host:port" of this machine, an IPv6 address in brackets; "unix:/absolute/path"; or "": nowhere
	Textfile string // absolute path ending in .prom, may not exist yet; "": none
}

func metricsKeys(env Env, m *Metrics) keys {
	return keys{
		"listen":   listen(&m.Listen),
		"textfile": env.output(&m.Textfile, ".prom"),
	}
}

// listen accepts an address that only this machine can connect to, or "". The figures tell who has mail where, and
// there is no login in front of them.
func listen(dst *string) convert {
	var s string
	return func(v any) *fault {
		if f := text(&s, nil)(v); f != nil {
			return f
		}
		if s == "" {
			*dst = ""
			return nil
		}
		e, f := parseListen(s)
		if f == nil {
			*dst = e.address("")
		}
		return f
	}
}

func parseListen(s string) (endpoint, *fault) {
	const hint = `such as "127.0.0.1:9110" or "unix:/run/popsync/metrics.sock"`
	bad := func(text string) (endpoint, *fault) { return endpoint{}, &fault{text: text, hint: hint} }
	if path, ok := strings.CutPrefix(s, unixPrefix); ok {
		e, f := parseUnix(path)
		if f == nil {
			f = checkSocket(e.path)
		}
		return e, f
	}
	switch {
	case strings.Contains(s, "://"):
		return bad("an address with a scheme")
	case strings.ContainsAny(s, "/@"):
		return bad("not host:port")
	case s[0] == ':' && strings.Count(s, ":") == 1:
		return bad("without a host it would be open to the network")
	}
	e, given, f := parseHostPort(s)
	switch {
	case f != nil:
		return e, f
	case !loopback(e.host):
		return endpoint{}, &fault{text: document.Shown(s) + " is open to the network",
			hint: `write "127.0.0.1:9110"; what shall reach it from elsewhere needs a proxy with a login`}
	case !given:
		return bad("the port is missing")
	}
	return e, nil
}
