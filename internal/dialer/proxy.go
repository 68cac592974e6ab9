package dialer

import (
	"context"
	"errors"
	"net"
	"net/url"
	"strings"
)

// proxy is one that connections go through.
type proxy struct {
	scheme   string // "socks5", "http" or "https"
	address  string // "host:port"
	user     string // "": no login
	password func(ctx context.Context) (string, error)
	shown    string                    // the URL without user and password
	spares   func(address string) bool // what goes past it; nil: nothing does
}

// ports are those that a proxy listens on where none is named (RFC 1928, section 3; curl's for the others).
var ports = map[string]string{"socks5": "1080", "http": "1080", "https": "443"}

// parseProxy reads a proxy's address. Its errors show nothing of it: there may be a password in it.
func parseProxy(s string) (*proxy, error) {
	u, err := url.Parse(s)
	if err != nil {
		return nil, errors.New("it is no URL such as socks5://127.0.0.1:9050")
	}
	p := &proxy{scheme: strings.ToLower(u.Scheme)}
	if p.scheme == "socks5h" { // as curl calls it; names are never looked up here
		p.scheme = "socks5"
	}
	port := u.Port()
	if port == "" {
		port = ports[p.scheme]
	}
	switch {
	case ports[p.scheme] == "":
		return nil, errors.New("it begins with neither socks5:// nor http:// nor https://")
	case u.Hostname() == "":
		return nil, errors.New("the host is missing")
	case u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("nothing may stand behind host and port")
	}
	p.address = net.JoinHostPort(u.Hostname(), port)
	p.shown = p.scheme + "://" + p.address
	if u.User != nil {
		p.user = u.User.Username()
		if secret, ok := u.User.Password(); ok {
			p.password = func(context.Context) (string, error) { return secret, nil }
		}
	}
	if p.user == "" && p.password != nil || p.scheme != "socks5" && strings.Contains(p.user, ":") {
		return nil, errors.New("its user cannot be sent")
	}
	return p, nil
}

// proxyOfEnv is what the environment says. See spared for NO_PROXY.
func proxyOfEnv(getenv func(string) string) (*proxy, error) {
	get := func(name string) string {
		if getenv == nil {
			return ""
		}
		if v := getenv(name); v != "" {
			return v
		}
		return getenv(strings.ToLower(name))
	}
	all := get("ALL_PROXY")
	if all == "" {
		return nil, errors.New(`proxy = "env", and neither ALL_PROXY nor all_proxy is set in the environment of this popsync`)
	}
	p, err := parseProxy(all)
	if err != nil {
		return nil, errors.New("ALL_PROXY in the environment: " + err.Error())
	}
	past := get("NO_PROXY")
	p.spares = func(address string) bool { return spared(past, address) }
	return p, nil
}

// secret is the password; "" where there is none. It is called only if there is a user.
func (p *proxy) secret(ctx context.Context) (string, error) {
	if p.user == "" || p.password == nil {
		return "", nil
	}
	secret, err := p.password(ctx)
	if err == nil && len(secret) > 255 && p.scheme == "socks5" { // RFC 1929, section 2
		err = errors.New("it is longer than 255 octets")
	}
	if err != nil {
		return "", p.fault(NoPassword, "", err)
	}
	return secret, nil
}

func (p *proxy) fault(f Fault, target string, err error) *Error {
	return &Error{Fault: f, Via: "the proxy " + p.shown, Target: target, Err: err}
}

// dial connects to target through the proxy, which it reaches by direct.
func (p *proxy) dial(ctx context.Context, target string, direct func(ctx context.Context, network, address string) (net.Conn, error)) (net.Conn, error) {
	if len(target) > 512 || strings.ContainsAny(target, " \r\n\t\x00") {
		return nil, p.fault(Forbidden, shown(target), errors.New("no such name can be sent"))
	}
	secret, err := p.secret(ctx)
	if err != nil {
		return nil, err
	}
	conn, err := direct(ctx, "tcp", p.address)
	if err != nil {
		if own, ok := errors.AsType[*Error](err); ok {
			return nil, own
		}
		return nil, p.fault(Unreachable, "", err)
	}
	through := p.connect
	if p.scheme == "socks5" {
		through = p.socks
	}
	c, err := through(ctx, conn, target, secret)
	if err != nil {
		conn.Close()
		if ctx.Err() != nil { // whatever was broken off by that
			err = p.fault(Unreachable, "", context.Cause(ctx))
		}
		return nil, err
	}
	return c, nil
}
