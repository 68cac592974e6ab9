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
	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/internal/human"
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

// headerOf reads the header of a message from a copy that waits here. ok is false where there is none.
func headerOf(cfg *config.Config, known []uidl.Destination, open []uidl.Delivery) (h header, ok bool) {
	identity := map[string]string{}
	for _, d := range known {
		identity[d.Name] = d.Identity
	}
	for _, d := range open {
		if d.Ticket == "" {
			continue
		}
		body, err := copyOpener(cfg)(identity[d.Destination], deliver.Ticket(d.Ticket))
		if err != nil {
			continue
		}
		h = readHeader(body)
		body.Close()
		return h, true
	}
	return header{}, false
}

// headers gets the headers that no copy has, unless the account or its server is to be left alone.
func (a *app) headers(ctx context.Context, cfg *config.Config, acc config.Account, standing fetcher.State, p *parkedAccount) fetcher.Class {
	at := map[uidl.Key]int{}
	var keys []uidl.Key
	for i := range p.messages {
		if m := &p.messages[i]; !m.read && m.Listed {
			at[m.key], keys = i, append(keys, m.key)
		}
	}
	now := time.Now()
	barred := standing.Barred(now)
	switch {
	case len(keys) == 0:
		return fetcher.OK
	case !standing.Paused.IsZero():
		p.unread = "the account is paused"
		return fetcher.Temporary
	case !standing.Stopped.IsZero():
		p.unread = "its login was refused, and is not tried again: " + standing.Refusal
		return fetcher.Login
	case !barred.IsZero():
		p.unread = "no login before " + human.Stamp(barred) + after(": ", standing.Hold)
		return fetcher.Temporary
	}
	wired, err := a.wire(cfg, acc, a.prompt(acc))
	if err != nil {
		p.unread = err.Error()
		return fetcher.Config
	}
	for _, d := range wired.Destinations {
		_ = d.Target.Close() // nothing was opened
	}
	_, err = fetcher.Headers(ctx, wired, keys, func(k uidl.Key, r io.Reader) error {
		m := &p.messages[at[k]]
		m.header, m.read = readHeader(r), true
		return nil
	})
	if err == nil {
		return fetcher.OK
	}
	v := fetcher.Judge(err)
	p.unread = v.Message
	var refused *pop3.ResponseError
	if errors.As(err, &refused) && refused.Code == "IN-USE" {
		p.unread += "; if a pass runs, it has the mailbox open: say it again when that has ended"
	}
	return cmp.Or(v.Class, fetcher.Temporary)
}
