package fetcher

import (
	"context"

	"go.uber.org/zap"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

// What a destination lacks, and no copy of ours is left of, can only come from the server. Once that does not list a message any
// more, the delivery is settled: nothing is left to wait for. If the message is listed again all the same, it is still lacking,
// and fetched: servers hide mail.

// goneAfter is how many seconds lie between the first complete listing that lacked it and the one that settles it, at least.
const goneAfter = health.SecondsADay

// giveUpGone settles what is owed of messages that the server does not have any more, and tells it.
func (s *session) giveUpGone(ctx context.Context, complete bool) error {
	if !complete {
		return nil
	}
	var keys []uidl.Key
	for k, st := range s.desk.Settler.Pending {
		if st.None {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	rows, err := s.desk.Settler.L.Find(ctx, keys)
	if err != nil {
		return err
	}
	gone := map[uidl.Key]bool{}
	for _, m := range rows {
		if m.GoneAt != 0 && s.on.Clock.Confirmed-m.GoneAt >= goneAfter {
			gone[m.Key] = true
		}
	}
	for _, k := range s.on.NumbersOf(gone) { // it is listed again
		delete(gone, k)
	}
	if len(gone) == 0 {
		return nil
	}
	open, err := s.desk.Settler.L.Pending(ctx)
	if err != nil {
		return err
	}
	var lost []uidl.Delivery
	for _, row := range open {
		if gone[row.Key] && row.State == uidl.Owed {
			lost = append(lost, row)
		}
	}
	now := s.desk.Now().Unix()
	missed := map[string]int{}
	err = s.desk.Settler.Change(ctx, func(c *uidl.Change) {
		for _, row := range lost {
			missed[row.Destination]++
			c.Settle = append(c.Settle, uidl.Settled{Key: row.Key, Destination: row.Destination, As: uidl.Dropped})
			delete(s.desk.Settler.Open, row.Key)
			delete(s.desk.Settler.Pending, row.Key)
		}
		s.desk.Health.AddMissed(missed, now)
		c.Status = s.desk.Status()
	})
	if err != nil {
		return err
	}
	for _, row := range lost {
		s.desk.Log.Warn("not waited for any more", zap.String("uid", words.Quote(row.UID)), zap.String("destination", row.Destination),
			zap.String("reason", "the server does not list it any more, and no copy is left"))
	}
	for _, m := range health.MissedOf(missed, now) {
		s.desk.Rec.Mention(m.Words())
	}
	return nil
}
