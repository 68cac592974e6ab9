package settle

import (
	"context"
	"errors"
	"fmt"

	"go.uber.org/zap"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/fetcher/facts"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

// What is open for a destination that is configured no more stays open: it may be configured again. A person can release it
// (see Adopt). Then its copies go on to the destinations that lack their messages, since the server may not have these any
// more, and what has no copy is fetched again for them. Nothing counts as delivered by that.
//
// Of one that was not required nothing stays open: what every required destination has is dropped. See unneeded.go.

// transfer gives away what was released, and forgets what a destination lacks that is not required, or is the fallback now:
// nothing is fetched for these.
func (r recovery) transfer(ctx context.Context) error {
	unfetched := func(name string) bool { d := r.p.Place(name); return d != nil && (d.Fallback || d.Optional) }
	if !r.p.Health.Adopt && !r.mayHaveUnneeded() {
		return nil
	}
	pending, err := r.dropUnneeded(ctx)
	if err != nil || len(pending) == 0 {
		return err
	}
	of := map[string]uidl.Destination{}
	for _, d := range r.p.Known {
		if facts.Away(d.Role) && r.p.Health.Adopt {
			of[d.Name] = d
		}
	}
	busy := map[uidl.Key]uidl.Places{} // a copy is on its way there already
	open := map[uidl.Key]int{}
	for _, row := range pending {
		if r.p.required(row.Destination) {
			open[row.Key]++
		}
		if d := r.p.Place(row.Destination); d != nil {
			busy[row.Key] |= d.Bit()
		}
	}
	left := map[string]Leftover{}
	defer func() {
		for _, l := range left {
			if l != nil {
				_ = l.Close() // nothing is written by closing
			}
		}
	}()
	for _, row := range pending {
		d, released := of[row.Destination]
		if !released && (row.State != uidl.Owed || !unfetched(row.Destination)) {
			continue
		}
		if _, met := left[d.Name]; released && !met {
			left[d.Name] = r.leftover(d)
		}
		to := r.p.Set.Lacks(row.Message) &^ busy[row.Key]
		var state uidl.State
		if r.p.required(row.Destination) {
			open[row.Key]--
			if open[row.Key] == 0 && to == 0 && r.p.complete(row.Message) {
				state = uidl.Delivered // nothing else says so of a message that has no unique-id
			}
		}
		if err := r.release(ctx, row, left[d.Name], to, state); err != nil {
			return err
		}
		if row.Ticket != "" {
			busy[row.Key] |= to
		}
	}
	for _, l := range left {
		r.removeLeftover(l)
	}
	return nil
}

// leftover opens the staging place of a destination; nil when there is none.
func (r recovery) leftover(d uidl.Destination) Leftover {
	if r.p.Spool == nil || deliver.PathOf(d.Identity) != "" {
		return nil
	}
	l, err := r.p.Spool(d.Identity)
	if err != nil {
		r.p.Log.Warn("copies cannot be opened", zap.String("destination", d.Name), zap.String("error", words.Clip(err.Error())))
		return nil
	}
	return l
}

// release ends one delivery, in the commit that stages its copy where the message is lacking. state is what its message is
// then; 0: as it was.
func (r recovery) release(ctx context.Context, row uidl.Delivery, from Leftover, places uidl.Places, state uidl.State) error {
	var to []uidl.Delivery
	if from != nil && row.Ticket != "" {
		for _, d := range r.p.At(places) {
			ticket, err := diversion(r).copyTo(ctx, d, from, row)
			switch {
			case errors.Is(err, deliver.ErrUnknown), errors.Is(err, deliver.ErrDamaged):
				// There is no copy: it is fetched again.
			case err != nil:
				return fmt.Errorf("what was open for %s goes to %s: %w", row.Destination, d.Name, err)
			default:
				to = append(to, uidl.Delivery{Key: row.Key, Destination: d.Name, State: uidl.Staged, Ticket: string(ticket)})
			}
		}
	}
	err := r.p.Change(ctx, func(c *uidl.Change) {
		for i := range to {
			to[i].At = c.At
		}
		c.Stage = append(c.Stage, to...)
		s := uidl.Settled{Key: row.Key, Destination: row.Destination, As: uidl.Dropped, State: state}
		if state == uidl.Delivered {
			m := r.p.Whole(row.Key, row.Message, r.p.Set)
			s.NextTry, s.Reason = m.NextTry, m.Reason
		}
		c.Settle = append(c.Settle, s)
	})
	if err != nil {
		return err
	}
	if from != nil && row.Ticket != "" {
		_ = from.Discard([]deliver.Ticket{deliver.Ticket(row.Ticket)}) // only now does the ledger not hold it any more
	}
	r.p.Log.Warn("released", zap.String("uid", words.Quote(row.UID)), zap.String("destination", row.Destination), zap.Int("copies", len(to)))
	return nil
}
