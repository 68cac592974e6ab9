package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/checkup"
	"github.com/popsync/popsync/internal/probe"
	"github.com/popsync/popsync/internal/secret"
)

// filesOf names the keys of files and programs that a connection needs, as far as they are set.
func filesOf(t config.Trust, n config.Network) string {
	var all []string
	for _, f := range []struct {
		key string
		set bool
	}{
		{"ca_file", t.CAFile != ""}, {"tls_client_cert", t.ClientCert != ""}, {"tls_client_key", t.ClientKey != ""},
		{"proxy_password_file", n.ProxyPassword.File != ""}, {"the program of connect_command", len(n.ConnectCommand) > 0},
	} {
		if f.set {
			all = append(all, f.key)
		}
	}
	return strings.Join(all, ", ")
}

// unconnected looks at what an account's connection needs on this machine, and opens none.
func (l *looker) unconnected(ctx context.Context, s *checkup.Sheet, acc config.Account) {
	way, _ := l.wayOf(l.cfg, acc.Network, acc.Trust) // it reads the files of TLS
	err := way.Check(ctx)
	step := verdict.Of(err).Hint
	switch names := filesOf(acc.Trust, acc.Network); {
	case err != nil:
		s.SetServer(checkup.StepFailed)
		s.Fail(checkup.PartServer, verdict.Config, err.Error(), step)
	case names != "":
		s.OK(checkup.PartServer, "can be used: "+names)
	}
	s.Info(checkup.PartServer, "the server, the login and the mail there were not looked at (--offline)")
}

// unasked says of a destination that its server was not asked, and looks at what a connection needs on this machine.
func (l *looker) unasked(ctx context.Context, look checking, t config.Trust, n config.Network) error {
	way, _ := l.wayOf(l.cfg, n, t) // it reads the files of TLS
	if err := way.Check(ctx); err != nil {
		return err
	}
	text := fmt.Sprintf("%s %s was not asked (--offline)", label(look.Deliver), place(look.Deliver))
	if names := filesOf(t, n); names != "" {
		text += "; can be used: " + names
	}
	look.say(checkup.Info, text)
	return nil
}

// grants looks at what [oauth.NAME] names on this machine, where one of the accounts or of their destinations uses it: the client
// secret, the key of a service account, the program that keeps tokens. Nothing is run.
func (l *looker) grants(ctx context.Context, s *checkup.Sheet) {
	holders, names := holdersOf(l.cfg), accountNames(l.accounts)
	for _, o := range l.cfg.OAuth {
		i := slices.IndexFunc(holders, func(h holder) bool { return h.grant == o.Name && slices.Contains(names, h.account) })
		if i < 0 {
			continue
		}
		at := "[oauth." + o.Name + "]: "
		source := secretSource(l.cfg, o.Secret, nil)
		source.Key = "client_secret"
		keeper := secret.Source{Key: "token", Command: o.TokenCommand}
		for _, look := range []func() error{
			func() error { return l.clientSecret(ctx, s, at, o.Secret.Kind, source) },
			keeper.CheckCommand,
			func() error {
				_, client, err := l.tokenOf(l.cfg, holders[i], "")
				if err == nil {
					err = client.CheckKey()
				}
				return err
			},
		} {
			if err := look(); err != nil && ctx.Err() == nil {
				v := verdict.Of(err)
				if hinted, ok := secretHint(err); ok {
					v.Hint = hinted
				}
				s.Fail(checkup.PartPassword, verdict.Config, at+strings.TrimPrefix(err.Error(), "OAuth "+o.Name+": "), v.Hint)
			}
		}
	}
}

// clientSecret looks at a client secret. One that a program prints is asked for when a token is.
func (l *looker) clientSecret(ctx context.Context, s *checkup.Sheet, at string, kind config.SecretKind, source secret.Source) error {
	switch kind {
	case "":
	case config.SecretCommand:
		if err := source.CheckCommand(); err != nil {
			return err
		}
		s.Info(checkup.PartPassword, at+"client_secret_command was not run")
	default:
		v, err := source.Get(ctx)
		if err != nil {
			return err
		}
		probe.Overheard(s, at, "the client secret", v)
	}
	return nil
}
