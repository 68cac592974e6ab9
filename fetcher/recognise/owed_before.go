package recognise

import (
	"context"
	"slices"

	"go.uber.org/zap"

	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

// A message that no place has, and no copy of ours is left of, is new under whatever unique-id it is listed, and goes to all
// destinations. What they were owed of it under one that is not listed any more would wait for nothing, and be told as missed
// in the end, though they have it.

// ComesAnew ends what destinations were owed of a message that was just read to be delivered, under a unique-id that it has no more.
// Of equal ones each ends one. What is listed under the former one again all the same is wanted by all destinations, as it was
// before anything was owed.
func (g *Recogniser) ComesAnew(ctx context.Context, k uidl.Key, m *settle.Received) error {
	if g.owedBefore == nil {
		before, err := g.readOwedBefore(ctx)
		if err != nil {
			return err
		}
		g.owedBefore = &before
	}
	at := slices.IndexFunc(*g.owedBefore, func(old *uidl.Message) bool { return old.Key != k && g.IsLike(old, m) })
	if at < 0 {
		return nil
	}
	old := (*g.owedBefore)[at].Key
	*g.owedBefore = slices.Delete(*g.owedBefore, at, at+1)
	open, err := g.desk.Settler.L.Pending(ctx)
	if err != nil {
		return err
	}
	err = g.desk.Settler.Change(ctx, func(c *uidl.Change) {
		delete(g.desk.Settler.Open, old)
		for _, row := range open {
			if row.Key == old && row.State == uidl.Owed {
				c.Settle = append(c.Settle, uidl.Settled{Key: old, Destination: row.Destination, As: uidl.Dropped})
			}
		}
	})
	if err == nil {
		g.desk.Log.Debug("came under another unique-id", zap.String("uid", words.Quote(old.UID)))
	}
	return err
}

// readOwedBefore reads the rows of messages that left the listing, and of which nothing is left but what is owed.
func (g *Recogniser) readOwedBefore(ctx context.Context) ([]*uidl.Message, error) {
	var keys []uidl.Key
	for k, open := range g.desk.Settler.Pending {
		if open.None && open.Have.Destinations() == 0 {
			keys = append(keys, k)
		}
	}
	var before []*uidl.Message
	for chunk := range slices.Chunk(keys, 500) {
		rows, err := g.desk.Settler.L.Find(ctx, chunk)
		if err != nil {
			return nil, err
		}
		for i := range rows {
			if m := &rows[i]; m.GoneAt != 0 || g.on.Plan.IsGone(m.Key) {
				before = append(before, m)
			}
		}
	}
	return before, nil
}
