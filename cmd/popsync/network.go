package main

import (
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
