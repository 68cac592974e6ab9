package recognise

import (
	"context"

	"go.uber.org/zap"

	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

// A message that is retrieved for the destinations that still lack it may be another one by now: its unique-id was given
// away since. To deliver it to those only would lose it at the others.

const reasonSuperseded = "another message came under its unique-id before all destinations had it"

// Superseded gives the message that a row stands for, if what came now is another one: it has neither its header nor its
// content. nil: it is the same, or there is nothing to tell by.
func (g *Recogniser) Superseded(ctx context.Context, f *plan.FetchStep, m *settle.Received) (*uidl.Message, error) {
	rows, err := g.desk.Settler.L.Find(ctx, []uidl.Key{f.Key})
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	before := &rows[0]
	switch {
	case before.SHA256 == [32]byte{} && before.Fingerprint == uidl.Fingerprint{}, g.IsLike(before, m):
		return nil, nil
	}
	return before, nil
}

// GiveUpOwed forgets what destinations lacked of a message that the server does not have any more, so that the one which
// has its unique-id now is new to all of them, for the next pass. While a copy of the first is on its way elsewhere, all
// stays as it is.
func (g *Recogniser) GiveUpOwed(ctx context.Context, f *plan.FetchStep, before *uidl.Message) error {
	open, err := g.desk.Settler.L.Pending(ctx)
	if err != nil {
		return err
	}
	var settle []uidl.Settled
	for _, row := range open {
		if row.Key != f.Key {
			continue
		}
		if row.State != uidl.Owed {
			return nil
		}
		settle = append(settle, uidl.Settled{Key: row.Key, Destination: row.Destination})
	}
	err = g.desk.Settler.Change(ctx, func(c *uidl.Change) {
		delete(g.desk.Settler.Open, f.Key)
		c.Settle = append(c.Settle, settle...)
		c.Put = append(c.Put, uidl.Message{Reason: reasonSuperseded, Row: uidl.Row{
			Key: f.Key, State: uidl.Wanted, Size: f.Size, FirstSeen: g.desk.Stamp(),
		}})
	})
	if err != nil {
		return err
	}
	for _, s := range settle {
		g.desk.Log.Warn("superseded", zap.String("uid", words.Quote(f.Key.UID)), zap.String("destination", s.Destination),
			zap.Int64("octets", before.Octets), zap.String("reason", reasonSuperseded))
	}
	g.desk.Rec.Reason(reasonSuperseded)
	return nil
}
