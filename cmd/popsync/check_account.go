package main

import (
	"context"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/alarms"
	"github.com/popsync/popsync/internal/checkup"
	"github.com/popsync/popsync/internal/dialer"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/probe"
	"github.com/popsync/popsync/uidl"
)

// account looks at one account. prompt gives its password if a person was asked for it.
func (l *looker) account(ctx context.Context, s *checkup.Sheet, acc config.Account, prompt func(context.Context) (string, error)) {
	if err := l.known.Blocked(acc.Name); err != nil { // its name is taken
		text, hint := exit.Apart(err)
		s.Fail(checkup.PartLedger, verdict.Config, text, hint)
	}
	l.oddities(s, acc)
	l.destinations(ctx, s, acc)
	l.secret(ctx, s, acc)
	switch {
	case l.noServer:
	case l.offline:
		l.unconnected(ctx, s, acc)
	default:
		l.server(ctx, s, acc, prompt)
	}
	l.known.Learned(s, acc.Name, health.Spoken{Mailbox: mailboxOf(acc), IgnoreSizes: acc.Sizes == config.SizesIgnore, NoPipelining: !acc.Pipelining})
	if len(acc.NewMail) > 0 {
		probe.NewMailCommand(s, acc.NewMail)
	}
	if acc.Alarm && !l.told.Tells(acc.Name) {
		s.Note(checkup.PartAlarm, alarms.NobodyTold, alarms.NobodyToldNext)
	}
}

// server looks at an account's server. prompt gives its password if a person was asked for it.
func (l *looker) server(ctx context.Context, s *checkup.Sheet, acc config.Account, prompt func(context.Context) (string, error)) {
	probe.Server{
		Host: acc.Host, Port: acc.Port, Username: acc.Username, Trust: trustOf(acc.Trust), Listings: l.big,
		Named: func(ctx context.Context) (bool, error) {
			return l.known.Named(ctx, acc.Name, func(ctx context.Context) (uidl.Ledger, error) { return openKnown(ctx, l.cfg) })
		},
		New:    !l.known.Listed(acc.Name),
		Dialer: func() (*dialer.Dialer, error) { return l.dialerOf(l.cfg, acc.Network) },
		Fetcher: func() (fetcher.Account, error) {
			wired, err := l.wire(l.cfg, acc, prompt)
			wired.Login = l.known.LogIn(acc.Name, wired.Login, wired.Setting)
			if k := acc.Secret.Kind; k == config.SecretCommand || k == config.SecretPrompt {
				wired.Login.Password = overhearing(wired.Login.Password, l.overheard(s, ""))
			}
			return wired, err
		},
	}.Look(ctx, s)
}
