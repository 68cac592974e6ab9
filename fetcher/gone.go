package fetcher

import (
	"context"
	"fmt"

	"go.uber.org/zap"

	"github.com/popsync/popsync/uidl"
)

// What a destination lacks can only come from the server. Once that has not listed a message for long enough, the delivery is
// settled: nothing is left to wait for. If the message is listed again all the same, it is still lacking, and fetched.
const (
	goneAfter    = 30 * 24 * 3600 // seconds since a complete listing first lacked it, and
	goneListings = 10             // complete listings since: one false listing settles nothing
)

// giveUpGone settles what is owed of messages that the server has not had for long.
func (s *session) giveUpGone(ctx context.Context, complete bool) error {
	var keys []uidl.Key
	for k, st := range s.pending {
		if st.none {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 || !complete {
		return nil
	}
	rows, err := s.l.Find(ctx, keys)
	if err != nil {
		return err
	}
	gone := map[uidl.Key]bool{}
	for _, m := range rows {
		listings := s.l.Info().Listings - m.GoneListing
		if m.GoneAt != 0 && s.clock.Confirmed-m.GoneAt >= goneAfter && listings >= goneListings {
			gone[m.Key] = true
		}
	}
	if len(gone) == 0 {
		return nil
	}
	open, err := s.l.Pending(ctx)
	if err != nil {
		return err
	}
	var lacking []uidl.Delivery
	err = s.change(ctx, func(c *uidl.Change) {
		for _, row := range open {
			if !gone[row.Key] || row.State != uidl.Owed {
				continue
			}
			lacking = append(lacking, row)
			c.Settle = append(c.Settle, uidl.Settled{Key: row.Key, Destination: row.Destination, As: uidl.Dropped})
			delete(s.open, row.Key)
			delete(s.pending, row.Key)
		}
	})
	if err != nil {
		return err
	}
	for _, row := range lacking {
		s.log.Warn("not waited for any more", zap.String("uid", quote(row.UID)), zap.String("destination", row.Destination),
			zap.String("reason", "the server has not listed it for 30 days"))
	}
	s.mention(fmt.Sprintf("%s not waited for any more: the server has not listed %s for 30 days",
		number(len(lacking), "delivery")+plural(len(lacking), " is", " are"), plural(len(lacking), "its message", "their messages")))
	return nil
}
