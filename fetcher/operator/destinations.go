package operator

import (
	"context"
	"fmt"
	"time"

	"github.com/popsync/popsync/fetcher/facts"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/uidl"
)

// What a person says about destinations is written here; the next pass acts on it.

// Adopt accepts the destinations of an account as the next pass finds them, and releases what is open for those that are
// configured no more: its copies go to the destinations that lack the messages. Nothing counts as delivered by that: another
// Maildir at a path that was known is another destination. What only the former one had is kept on the server.
// uidl.ErrBusy while a pass runs.
func Adopt(ctx context.Context, ledger uidl.Ledger, account string) error {
	return health.Amend(ctx, ledger, account, func(_ *uidl.Status, f *health.Facts, _ time.Time) bool {
		f.Adopt = true
		return false
	})
}

// Backfill says what becomes of the messages that a destination need not have, because it was added, came back or became
// required after them: what the server still lists is fetched for it, or, without, policy may delete it all the same.
// uidl.ErrBusy while a pass runs.
func Backfill(ctx context.Context, ledger uidl.Ledger, account, destination string, rest uidl.Rest) error {
	return withDestinations(ctx, ledger, account, func(all []uidl.Destination, c *uidl.Change) error {
		for _, d := range all {
			if d.Name == destination && !facts.Away(d.Role) {
				d.Rest = rest
				c.Destinations = append(c.Destinations, d)
				return nil
			}
		}
		return fmt.Errorf("the ledger knows no destination %s of this account: it is known from its first run on", destination)
	})
}

// Vouch says that what nobody saw safe at its destinations is so, and that what was delivered before schema 2 of the ledger
// is at the destinations of then that are configured now: policy may delete it. uidl.ErrBusy while a pass runs.
func Vouch(ctx context.Context, ledger uidl.Ledger, account string) error {
	return withDestinations(ctx, ledger, account, func(all []uidl.Destination, c *uidl.Change) error {
		c.Vouch = true
		for _, d := range all {
			switch {
			case d.Born == 0 && facts.Away(d.Role):
				d.Born = max(1, d.Since) // what was delivered then is no more asked of it
			case d.Born == 0 && d.Since != 0:
				d.Since = 0
			default:
				continue
			}
			c.Destinations = append(c.Destinations, d)
		}
		return nil
	})
}

// withDestinations commits a change about the destinations of an account that no pass is at work on.
func withDestinations(ctx context.Context, ledger uidl.Ledger, account string, change func([]uidl.Destination, *uidl.Change) error) error {
	l, err := ledger.Acquire(ctx, account)
	if err != nil {
		return err
	}
	defer l.Close()
	if l.Info().Epoch == 0 {
		return fmt.Errorf("the ledger knows nothing of this account yet")
	}
	all, err := l.Destinations(ctx)
	if err != nil {
		return err
	}
	var c uidl.Change
	if err := change(all, &c); err != nil {
		return err
	}
	return l.Commit(context.WithoutCancel(ctx), c)
}
