package main

import (
	"cmp"
	"context"
	"errors"
	"io"
	"time"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/maildir"
	"github.com/popsync/popsync/deliver/spool"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/server"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/parked"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/uidl"
)

// copyOpener opens what waits for a destination, by its identity.
func copyOpener(cfg *config.Config) func(string, deliver.Ticket) (io.ReadCloser, error) {
	return func(identity string, t deliver.Ticket) (io.ReadCloser, error) {
		if spool.IsTicket(t) {
			return spool.OpenCopy(spoolRoot(cfg), identity, t)
		}
		return maildir.OpenCopy(t)
	}
}

// headers gets the headers that no copy has, unless the account or its server is to be left alone.
func (a *app) headers(ctx context.Context, cfg *config.Config, acc config.Account, standing health.State, p *parked.Account) verdict.Class {
	keys := p.Headerless()
	now := time.Now()
	barred := standing.Barred(now)
	switch {
	case len(keys) == 0:
		return verdict.OK
	case !standing.Paused.IsZero():
		p.Unread = "the account is paused"
		return verdict.Temporary
	case !standing.Stopped.IsZero():
		p.Unread = "its login was refused, and is not tried again: " + standing.Refusal
		return verdict.Login
	case !barred.IsZero():
		p.Unread = "no login before " + words.Stamp(barred.Unix()) + after(": ", standing.Hold)
		return verdict.Temporary
	}
	wired, err := a.wire(cfg, acc, a.prompt(acc))
	if err != nil {
		p.Unread = err.Error()
		return verdict.Config
	}
	for _, d := range wired.Destinations {
		_ = d.Target.Close() // nothing was opened
	}
	_, err = server.Headers(ctx, wired, keys, func(k uidl.Key, r io.Reader) error {
		p.Read(k, r)
		return nil
	})
	if err == nil {
		return verdict.OK
	}
	v := verdict.Of(err)
	p.Unread = v.Message
	var refused *pop3.ResponseError
	if errors.As(err, &refused) && refused.Code == "IN-USE" {
		p.Unread += "; if a pass runs, it has the mailbox open: say it again when that has ended"
	}
	return cmp.Or(v.Class, verdict.Temporary)
}
