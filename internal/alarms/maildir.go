package alarms

import (
	"context"
	"errors"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/maildir"
	"github.com/popsync/popsync/internal/places"
	"github.com/popsync/popsync/uidl"
)

// deliver puts an alarm into the account's own Maildir: it takes no mail server to be read.
func (al *Alarms) deliver(ctx context.Context, account string, message []byte) error {
	al.mu.Lock()
	acc, ok := al.cfg.way(account)
	al.mu.Unlock()
	if !ok {
		return errors.New("the account has no Maildir any more")
	}
	known, err := al.ledger.Summaries(ctx)
	if err != nil {
		return err
	}
	target := maildir.New(maildir.Options{Path: acc.Maildir})
	defer target.Close()
	if _, err := target.Identify(ctx, identityAt(known, account, acc)); err != nil {
		return err
	}
	staging, err := target.Create(ctx, deliver.Message{Account: account, UID: "popsync alarm", Size: int64(len(message))})
	if err != nil {
		return err
	}
	defer staging.Abort()
	if _, err := staging.Write(message); err != nil {
		return err
	}
	ticket, err := staging.Ticket()
	if err != nil {
		return err
	}
	tickets := []deliver.Ticket{ticket}
	if err := target.Prepare(ctx, tickets); err != nil {
		return errors.Join(err, target.Discard(tickets))
	}
	return errors.Join(target.Publish(ctx, tickets)...)
}

// identityAt is what the ledger remembers of an account's Maildir, or "": by its path, as destinations may change names.
func identityAt(known []uidl.Summary, account string, acc Account) string {
	byName := ""
	for _, s := range known {
		for _, k := range s.Destinations {
			switch {
			case s.Name != account, places.Away(k.Role), deliver.PathOf(k.Identity) == "":
			case places.Path(k.Identity) == deliver.Resolve(acc.Maildir):
				return k.Identity
			case k.Name == acc.Name:
				byName = k.Identity
			}
		}
	}
	return byName
}
