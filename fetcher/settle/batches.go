package settle

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/uidl"
)

// batching takes a batch from its staging places to where it is published, in steps that Prepare and Settle put together.
type batching struct{ p *Settler }

// Settle takes a batch that was prepared through the rest of the delivery protocol: commit, Publish, commit. It returns
// an error only when the ledger failed. A destination that fails is noted in it, and the messages stay on the server.
//
// From the first commit on, the staged bytes belong to the ledger: nothing here discards them after it was attempted, unless
// it is certain that nothing of it was applied.
func (p *Settler) Settle(ctx context.Context, b *Batch) error {
	w := batching{p}
	w.unusable(b)
	if err := p.Change(ctx, func(c *uidl.Change) { w.enter(c, b) }); err != nil {
		if Unapplied(err) { // for certain, so no row names the copies
			for _, d := range p.Places {
				b.GiveUp(d, err)
			}
		}
		return err
	}
	p.Obs.Committed(ctx)
	w.secured(b)
	w.post(b)
	return w.publishBatch(ctx, b)
}

// post hands a batch's copies for remote destinations to their outboxes.
func (w batching) post(b *Batch) {
	for _, d := range w.p.Places {
		if d.out == nil {
			continue
		}
		var all []sending
		b.each(d, func(m *Received, dl *Delivery) { all = append(all, sending{row: dl.Row, m: m}) })
		d.out.add(all...)
	}
}

// Prepare makes each destination's copies durable, with one barrier. Copies of a destination whose barrier failed are
// given up: their rows were never written, so they may be discarded. It may run while the batch before is settled.
func (p *Settler) Prepare(ctx context.Context, b *Batch) {
	batching{p}.unusable(b)
	for _, d := range p.Places {
		var tickets []deliver.Ticket
		b.each(d, func(_ *Received, c *Delivery) { tickets = append(tickets, c.Ticket()) })
		if len(tickets) == 0 {
			continue
		}
		if err := d.Target.Prepare(ctx, tickets); err != nil {
			if ctx.Err() == nil {
				d.FailStaging(err)
			}
			b.GiveUp(d, err)
		}
	}
}

// unusable gives up the copies of destinations that failed to publish an earlier batch: that one stays 'publishing', and
// there is never a second. One that has a spool may go on taking copies.
func (w batching) unusable(b *Batch) {
	for _, d := range w.p.Places {
		if err := d.PublishFailure(); err != nil && !d.IsRemote() {
			b.GiveUp(d, err)
		}
	}
}

// GiveUp discards a destination's copies, which no commit has named. What cannot be removed is an orphan in the staging
// place; it harms nobody.
func (b *Batch) GiveUp(d *Place, err error) {
	var tickets []deliver.Ticket
	b.each(d, func(_ *Received, c *Delivery) {
		tickets = append(tickets, c.Ticket())
		c.Err = err
	})
	if len(tickets) > 0 {
		_ = d.Target.Discard(tickets)
	}
}

// each calls f for the destination's copies that are still good.
func (b *Batch) each(d *Place, f func(*Received, *Delivery)) {
	for i := range b.msgs {
		for j := range b.msgs[i].Copies {
			if c := &b.msgs[i].Copies[j]; c.Dest == d && c.Err == nil {
				f(&b.msgs[i], c)
			}
		}
	}
}

// enter writes the batch's rows into a change: 'publishing' for what the next Publish takes, 'staged' for the rest and
// for remote destinations, 'owed' for a destination that failed while another did not. A message that no destination
// has is not entered; it stays wanted. p.committing is held.
func (w batching) enter(c *uidl.Change, b *Batch) {
	quota := map[*Place]int{}
	for _, d := range w.p.Places {
		if !d.IsRemote() && d.PublishFailure() == nil {
			quota[d] = d.Target.Batch()
		}
	}
	c.Put = slices.Grow(c.Put, len(b.msgs))
	c.Stage = slices.Grow(c.Stage, len(b.msgs))
	for i := range b.msgs {
		m := &b.msgs[i]
		if err := m.unstaged(); err != nil {
			w.refused(c, m, err)
			continue
		}
		m.Msg.State = uidl.Wanted
		if m.Owed {
			c.Renew = append(c.Renew, m.Msg)
		} else {
			c.Put = append(c.Put, m.Msg)
			delete(w.p.Open, m.Msg.Key) // another message's, if there was one: its deliveries are settled
		}
		for j := range m.Copies {
			dl := &m.Copies[j]
			row := &dl.Row
			if dl.Err != nil && dl.Dest.Optional {
				w.p.Obs.Reason(fmt.Sprintf("destination %s, which is not required, goes without: %v", dl.Dest.Name, dl.Err))
				c.Settle = append(c.Settle, uidl.Settled{Key: row.Key, Destination: row.Destination, As: uidl.Waive})
				continue
			}
			if row.State == 0 {
				w.p.opened(m, !dl.Dest.Optional)
			}
			row.At = c.At
			switch {
			case dl.Err != nil:
				*row = w.owedAgain(*row, dl.Err, c.At)
			case quota[dl.Dest] > 0:
				quota[dl.Dest]--
				row.State = uidl.Publishing
			default:
				row.State = uidl.Staged
			}
			c.Stage = append(c.Stage, *row)
		}
	}
}

// unstaged is why no required destination has a copy, nil if one does.
func (m *Received) unstaged() (err error) {
	for i := range m.Copies {
		switch c := &m.Copies[i]; {
		case c.Dest.Optional:
		case c.Err == nil:
			return nil
		case err == nil:
			err = c.Err
		}
	}
	return err
}

// secured tells which messages every destination has durably, published or not.
func (w batching) secured(b *Batch) {
	for i := range b.msgs {
		if m := &b.msgs[i]; !slices.ContainsFunc(m.Copies, func(c Delivery) bool { return c.Err != nil && !c.Dest.Optional }) {
			w.p.Obs.Secured(m)
		}
	}
}

// refused enters a message that no required destination took. The fault of a whole destination is nobody's attempt.
func (w batching) refused(c *uidl.Change, m *Received, err error) {
	for i := range m.Copies {
		if dl := &m.Copies[i]; dl.Err == nil {
			_ = dl.Dest.Target.Discard([]deliver.Ticket{dl.Ticket()}) // no commit has named it
			dl.Err = err
		}
	}
	if verdict.ScopeOf(err) == deliver.WholeTarget || errors.Is(err, context.Canceled) {
		return
	}
	w.p.Obs.Untaken(c, m, err)
}

// publishBatch publishes what is 'publishing', commits the results together with the next 'publishing', and so on until
// nothing is left or a destination failed; usually that is one round. Remote destinations are sent to by their outboxes.
func (w batching) publishBatch(ctx context.Context, b *Batch) error {
	for {
		var all []published
		var of []*Delivery
		for _, d := range w.p.Places {
			if d.IsRemote() {
				continue
			}
			from := len(all)
			b.each(d, func(m *Received, dl *Delivery) {
				if dl.Row.State == uidl.Publishing {
					all, of = append(all, published{d: d, row: dl.Row, m: m}), append(of, dl)
				}
			})
			if len(all) == from {
				continue
			}
			if err := round(w).publishRows(ctx, d, all[from:]); err != nil {
				return err
			}
		}
		if len(all) == 0 {
			return nil
		}
		if err := round(w).concludeRound(ctx, all, func(c *uidl.Change) {
			for i, dl := range of {
				if dl.Row = all[i].next.row; !all[i].settled {
					dl.Err = all[i].err
				}
			}
			w.next(b, c)
		}); err != nil {
			return err
		}
	}
}

// next moves staged rows on to 'publishing', for destinations that work.
func (w batching) next(b *Batch, c *uidl.Change) {
	for _, d := range w.p.Places {
		if d.IsRemote() || d.PublishFailure() != nil {
			continue
		}
		quota := d.Target.Batch()
		b.each(d, func(_ *Received, dl *Delivery) {
			if dl.Row.State == uidl.Staged && quota > 0 {
				quota--
				dl.Row.State, dl.Row.At = uidl.Publishing, c.At
				c.Stage = append(c.Stage, dl.Row)
			}
		})
	}
}

// owedAgain is the row of a destination that could not stage a message that another one has.
func (w batching) owedAgain(row uidl.Delivery, err error, at int64) uidl.Delivery {
	row = owed(row, err, at)
	if verdict.ScopeOf(err) == deliver.ThisMessage {
		row.Attempts++
		row.NextTry = w.p.now().Add(health.RetryAfter(row.Attempts)).Unix()
	}
	return row
}
