// Package dialer opens every connection of an account, or of a destination of it, in the one way that is configured for it: at
// once, through a proxy, from one address of this machine, or as the conversation with a program. Mail and HTTP requests have the
// same Dialer, so that nothing leaves by another way.
//
// It follows RFC 1928 and 1929 (SOCKS5, by golang.org/x/net/proxy) and RFC 9110, section 9.3.6 (CONNECT). A proxy gets names as
// they are: with one nothing is looked up here, but the proxy's own name.
//
// It refuses to go another way where the configured one fails, to take a proxy from the environment unless that is asked for, and
// to follow redirects. It knows nothing of POP3, SMTP or OAuth, and keeps no secret: a proxy's password is got anew for each
// connection. Its errors are facts (Error), which name the proxy and the target apart; others judge them.
//
// cmd/popsync makes one for each account and destination.
package dialer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"

	"github.com/popsync/popsync/internal/safepath"
)

// Options say how connections leave. The zero value: at once, as the system chooses.
type Options struct {
	// Proxy is "socks5://[USER@]HOST[:PORT]", "http://..." or "https://..." (CONNECT, the latter in TLS), "env" for what ALL_PROXY
	// and NO_PROXY say, or "" or "none".
	Proxy string
	// Password is the proxy's; it is called for each connection where Proxy names a user. nil: there is none.
	Password func(ctx context.Context) (string, error)
	// Getenv is asked for "env"; nil: the variables are empty.
	Getenv func(name string) string

	// SourceAddress is the address of this machine that connections come from, those to the proxy too; the zero Addr: the system
	// chooses it.
	SourceAddress netip.Addr
	// Family is "ipv4" or "ipv6" for addresses of that kind alone; "" or "any": both. A proxy chooses for itself.
	Family string

	// Command is a program and its arguments, whose standard input and output are the connection of Mail; nil: none. No shell runs
	// it. {host} and {port} in an argument are those of the server. No argument is ever shown.
	Command []string
	// Running is told of its process group: see program.Job. nil: nobody is.
	Running func(group int) (ended func())
}

// Dialer opens connections. It is safe for concurrent use.
type Dialer struct {
	o      Options
	proxy  *proxy
	direct net.Dialer
	never  *Error
}

// Never is a Dialer that opens no connection, and always says why: what it needs is not as it must be.
func Never(why *Error) *Dialer { return &Dialer{never: why} }

// New checks the options. It opens nothing, and looks nothing up. An error is an *Error, and about the configuration.
func New(o Options) (*Dialer, error) {
	d := &Dialer{o: o}
	if a := o.SourceAddress; a.IsValid() {
		d.direct.LocalAddr = &net.TCPAddr{IP: a.AsSlice(), Zone: a.Zone()}
	}
	var err error
	switch o.Proxy {
	case "", "none":
		return d, nil
	case "env":
		d.proxy, err = proxyOfEnv(o.Getenv)
	default:
		if d.proxy, err = parseProxy(o.Proxy); err == nil {
			d.proxy.password = o.Password
		}
	}
	if err != nil {
		e := &Error{Fault: Unusable, Err: err}
		if o.Proxy == "env" {
			e.Mend = `correct this variable in popsync's environment, or name the proxy itself in proxy`
		}
		return nil, e
	}
	return d, nil
}

// DialContext connects to an address, "host:port" or, with the network "unix", a path; a path is reached at once in any case. It
// never runs the command. Errors are of package net, or an *Error.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if d.never != nil {
		return nil, d.never
	}
	if network == "unix" {
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	if p := d.proxyFor(address); p != nil {
		return p.dial(ctx, address, d.dial)
	}
	return d.dial(ctx, network, address)
}

// Mail connects to a mail server: by the command if there is one, else as DialContext.
func (d *Dialer) Mail(ctx context.Context, network, address string) (net.Conn, error) {
	if len(d.o.Command) > 0 { // Never has none
		return d.run(address)
	}
	return d.DialContext(ctx, network, address)
}

// Check looks whether what the way needs is on this machine: the proxy's password, and the program of the command. It opens no
// connection and runs nothing but, where that is set, what gives the password. An error is an *Error.
func (d *Dialer) Check(ctx context.Context) error {
	if d.never != nil {
		return d.never
	}
	if d.proxy != nil {
		if _, err := d.proxy.secret(ctx); err != nil {
			return err
		}
	}
	if len(d.o.Command) == 0 {
		return nil
	}
	via, path, err := d.find("")
	if err != nil {
		return err
	}
	if err := safepath.Program(path, true); err != nil {
		if e, ok := errors.AsType[*os.PathError](err); ok { // its text has the path once more
			err = e.Err
		}
		return &Error{Fault: NoProgram, Via: via, Err: err}
	}
	return nil
}

// dial connects at once, by the addresses that may be used.
func (d *Dialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := d.direct.DialContext(ctx, d.network(network), address)
	if err != nil {
		return nil, d.foreignSource(err)
	}
	return conn, nil
}

func (d *Dialer) network(network string) string {
	switch {
	case network == "tcp" && d.o.Family == "ipv4":
		return "tcp4"
	case network == "tcp" && d.o.Family == "ipv6":
		return "tcp6"
	}
	return network
}

func (d *Dialer) proxyFor(address string) *proxy {
	if d.proxy == nil || d.proxy.spares != nil && d.proxy.spares(address) {
		return nil
	}
	return d.proxy
}

// Way says for people by which way Mail reaches an address, to be put behind the address: "through the proxy socks5://...", or ""
// for at once.
func (d *Dialer) Way(address string) string {
	var words []string
	if len(d.o.Command) > 0 {
		return "through connect_command " + shown(d.o.Command[0])
	}
	if p := d.proxyFor(address); p != nil {
		words = append(words, "through the proxy "+p.shown)
	}
	if d.o.SourceAddress.IsValid() {
		words = append(words, fmt.Sprintf("from %v", d.o.SourceAddress))
	}
	return strings.Join(words, " ")
}

// LooksUp tells whether Mail looks up the name in an address on this machine, and which addresses of it count: "ip", "ip4" or
// "ip6", as for net.Resolver.
func (d *Dialer) LooksUp(address string) (network string, ok bool) {
	if len(d.o.Command) > 0 || d.proxyFor(address) != nil {
		return "", false
	}
	return strings.Replace(d.network("tcp"), "tcp", "ip", 1), true
}
