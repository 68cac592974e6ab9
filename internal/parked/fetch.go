package parked

import (
	"cmp"
	"context"
	"errors"
	"io"
	"time"

	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/server"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/uidl"
)

// Fetch gets the headers that no copy has, unless the account or its server is to be left alone.
func (p *Account) Fetch(ctx context.Context, standing health.State, wire func() (fetcher.Account, error)) verdict.Class {
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
		p.Unread = "no login before " + words.Stamp(barred.Unix())
		if standing.Hold != "" {
			p.Unread += ": " + standing.Hold
		}
		return verdict.Temporary
	}
	wired, err := wire()
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
