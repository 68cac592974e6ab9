package settle

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"go.uber.org/zap"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

// A destination that was not required, and is configured no more, waits for nobody: a message counts as delivered without it. What
// is open for it would be open for ever, and its copies would stay. So they go, as far as every required destination has the
// messages; it is told, once.

// mayHaveUnneeded tells whether something may be open that need not be.
func (r recovery) mayHaveUnneeded() bool {
	return slices.ContainsFunc(r.p.Places, func(d *Place) bool { return d.Fallback || d.Optional }) ||
		slices.ContainsFunc(r.p.Known, func(d uidl.Destination) bool { return d.Role == uidl.WasOptional })
}

// dropUnneeded drops it, and returns what is open besides.
func (r recovery) dropUnneeded(ctx context.Context) ([]uidl.Delivery, error) {
	pending, err := r.p.L.Pending(ctx)
	if err != nil {
		return nil, err
	}
	if r.p.Health.Verify { // what the required destinations have is not certain
		return pending, nil
	}
	was := map[string]uidl.Destination{}
	for _, d := range r.p.Known {
		if d.Role == uidl.WasOptional && r.p.Place(d.Name) == nil {
			was[d.Name] = d
		}
	}
	drop, stay := map[string][]uidl.Delivery{}, map[string]bool{}
	rest := slices.DeleteFunc(pending, func(row uidl.Delivery) bool {
		_, ok := was[row.Destination]
		if ok && r.p.complete(row.Message) {
			drop[row.Destination] = append(drop[row.Destination], row)
			return true
		}
		stay[row.Destination] = true
		return false
	})
	for _, name := range slices.Sorted(maps.Keys(drop)) {
		if err := r.drop(ctx, was[name], drop[name], !stay[name]); err != nil {
			return nil, err
		}
	}
	return rest, nil
}

// drop ends deliveries and removes their copies, and with all also the place where they were.
func (r recovery) drop(ctx context.Context, d uidl.Destination, rows []uidl.Delivery, all bool) error {
	var tickets []deliver.Ticket
	err := r.p.Change(ctx, func(c *uidl.Change) {
		for _, row := range rows {
			c.Settle = append(c.Settle, uidl.Settled{Key: row.Key, Destination: d.Name, As: uidl.Dropped})
			if row.Ticket != "" {
				tickets = append(tickets, deliver.Ticket(row.Ticket))
			}
		}
	})
	if err != nil {
		return err
	}
	if l := r.leftover(d); l != nil { // only now does the ledger not hold them any more
		_ = l.Discard(tickets)
		if all {
			r.removeLeftover(l)
		}
		_ = l.Close() // nothing is written by closing
	}
	text := fmt.Sprintf("destination %s was not required and is not configured any more: 1 delivery to it is dropped; the required destinations have the message", d.Name)
	if n := len(rows); n > 1 {
		text = fmt.Sprintf("destination %s was not required and is not configured any more: %d deliveries to it are dropped; the required destinations have the messages", d.Name, n)
	}
	r.p.Log.Warn("destinations changed", zap.String("what", text))
	r.p.Obs.Mention(text)
	return nil
}

// removeLeftover removes the staging place of a destination for which nothing is open any more, unless the ledger may have
// forgotten what is.
func (r recovery) removeLeftover(l Leftover) {
	if l == nil || r.p.Health.Verify {
		return
	}
	if _, err := l.Remove(); err != nil {
		r.p.Log.Warn("copies cannot be removed", zap.String("error", words.Clip(err.Error())))
	}
}
