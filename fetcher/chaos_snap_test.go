package fetcher

import (
	"context"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/uidl"
)

// snap is what the ledger has of an account at the end of a pass, read with the pass's own lease: to take another one would
// be a look, and count.
type snap struct {
	info  uidl.Info
	rows  []uidl.Message
	known []uidl.Destination
	open  []uidl.Delivery
}

func snapOf(a uidl.Account) (s snap, err error) {
	ctx := context.Background()
	s.info = a.Info()
	if s.info.Epoch == 0 {
		return s, nil
	}
	var keys []uidl.Key
	for row, err := range a.Messages(ctx) {
		if err != nil {
			return s, err
		}
		keys = append(keys, row.Key)
	}
	if s.rows, err = a.Find(ctx, keys); err != nil {
		return s, err
	}
	if s.known, err = a.Destinations(ctx); err != nil {
		return s, err
	}
	s.open, err = a.Pending(ctx)
	return s, err
}

// Close reads what the pass leaves.
func (a *chaosAccount) Close() error {
	s, err := snapOf(a.Account)
	if a.c.snapped = err; err == nil {
		a.c.left = &s
	}
	return a.Account.Close()
}

// facts are the account's as they are stored.
func (s *snap) facts() health.Facts { return health.Decode(s.info.Facts) }

// destination finds what the ledger knows under a name.
func (s *snap) destination(name string) (d uidl.Destination, ok bool) {
	for _, d := range s.known {
		if d.Name == name {
			return d, true
		}
	}
	return d, false
}
