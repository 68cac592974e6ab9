package dialer

import (
	"context"
	"errors"
	"net"
	"strings"

	socks "golang.org/x/net/proxy"
)

// forward gives x/net the connection to the proxy that is open already.
type forward struct{ net.Conn }

func (f forward) Dial(string, string) (net.Conn, error) { return f.Conn, nil }

func (f forward) DialContext(context.Context, string, string) (net.Conn, error) { return f.Conn, nil }

// socks connects by SOCKS5 (RFC 1928), with a login if there is a user (RFC 1929). The name goes as it is.
func (p *proxy) socks(ctx context.Context, conn net.Conn, target, secret string) (net.Conn, error) {
	var login *socks.Auth
	if p.user != "" {
		login = &socks.Auth{User: p.user, Password: secret}
	}
	d, err := socks.SOCKS5("tcp", p.address, login, forward{conn})
	if err != nil {
		return nil, p.fault(Unusable, target, err)
	}
	c, err := d.(socks.ContextDialer).DialContext(ctx, "tcp", target)
	if err != nil {
		return nil, p.socksFault(target, err)
	}
	return c, nil
}

// socksFaults are what x/net says of replies, which has no types for them; a test goes through all replies.
var socksFaults = []struct {
	says  string
	fault Fault
	text  string // in place of it
}{
	{"unexpected protocol version", NoProxy, "it speaks no SOCKS5"},
	{"no acceptable authentication methods", Login, "it wants another login than was offered"},
	{"unsupported authentication method", NoProxy, "it asks for a login that was not offered"},
	{"invalid username/password version", NoProxy, "it does not speak SOCKS5 as it should"},
	{"username/password authentication failed", Login, "user or password is wrong"},
	{"invalid username/password", Login, "user or password is too long"},
	{"general SOCKS server failure", Refused, "general failure"},
	{"connection not allowed by ruleset", Forbidden, "not allowed by its rules"},
	{"network unreachable", Refused, "network unreachable"},
	{"host unreachable", Refused, "host unreachable"},
	{"connection refused", Refused, "connection refused"},
	{"TTL expired", Refused, "timed out"},
	{"command not supported", Forbidden, "it cannot connect"},
	{"address type not supported", Forbidden, "it takes no names, or no such addresses"},
	{"FQDN too long", Forbidden, "the name is too long"},
	{"unknown address type", NoProxy, "it does not speak SOCKS5 as it should"},
	{"non-zero reserved field", NoProxy, "it does not speak SOCKS5 as it should"},
	{"unknown code", Refused, "with a code that SOCKS5 does not have"},
}

func (p *proxy) socksFault(target string, err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Err != nil {
		err = op.Err
	}
	for _, f := range socksFaults {
		if strings.Contains(err.Error(), f.says) && !isNetwork(err) {
			return p.fault(f.fault, target, errors.New(f.text))
		}
	}
	return p.fault(Unreachable, target, lost(err))
}
