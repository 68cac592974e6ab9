package main

import (
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/internal/dialer"
	"github.com/popsync/popsync/internal/nextstep"
)

// dialerOf is what opens the connections of an account or a destination. It opens nothing yet.
func (a *app) dialerOf(cfg *config.Config, n config.Network) (*dialer.Dialer, error) {
	o := dialer.Options{
		Proxy: n.Proxy, Getenv: os.Getenv, Family: string(n.AddressFamily), Command: n.ConnectCommand,
		Running: func(group int) func() {
			return a.Undo.Add(func() { _ = syscall.Kill(-group, syscall.SIGKILL) })
		},
	}
	if n.SourceAddress != "" {
		var err error
		if o.SourceAddress, err = netip.ParseAddr(n.SourceAddress); err != nil {
			return nil, err
		}
	}
	if n.ProxyPassword.Kind != "" {
		o.Password = password(secretSource(cfg, n.ProxyPassword, nil))
	}
	d, err := dialer.New(o)
	if e, ok := errors.AsType[*dialer.Error](err); ok {
		return nil, nextstep.With(e, e.Hint())
	}
	return d, err
}

// wayOf is dialerOf for whoever makes the connections of a pass, with the TLS of them. Where what they need is not as it must be, a file of
// TLS or the environment's proxy, each connection fails with that: it is the trouble of this server, is written down as such, and
// stops nothing else.
func (a *app) wayOf(cfg *config.Config, n config.Network, t config.Trust) (*dialer.Dialer, *tls.Config) {
	way, err := a.dialerOf(cfg, n)
	var c *tls.Config
	if err == nil {
		c, err = trustOf(t).Config()
	}
	if err != nil {
		return dialer.Never(&dialer.Error{Fault: dialer.Unusable, Mend: nextstep.Of(err), Err: err}), nil
	}
	return way, c
}

// addressOf is where an account's server listens.
func addressOf(c config.Account) string { return net.JoinHostPort(c.Host, strconv.Itoa(c.Port)) }

// networkSetting identifies by which way a server is reached, for loginSetting and its like; nothing for at once.
func networkSetting(cfg *config.Config, n config.Network) []string {
	password := ""
	if n.ProxyPassword.Kind != "" {
		password = sourceIdentity(cfg, n.ProxyPassword)
	}
	return dialer.Identity(n.Proxy, password, n.SourceAddress, string(n.AddressFamily), n.ConnectCommand)
}
