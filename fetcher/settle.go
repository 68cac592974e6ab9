package fetcher

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

// settle takes a batch that was prepared through the rest of the delivery protocol: commit, Publish, commit. It returns
// an error only when the ledger failed. A destination that fails is noted in it, and the messages stay on the server.
//
// From the first commit on, the staged bytes belong to the ledger: nothing here discards them after it was attempted, unless
// it is certain that nothing of it was applied.
func (p *settler) settle(ctx context.Context, b *batch) error {
	p.unusable(b)
	if omitPublishing {
		p.later(func(c *uidl.Change) { p.enter(c, b) })
	} else if err := p.change(ctx, func(c *uidl.Change) { p.enter(c, b) }); err != nil {
		if unapplied(err) { // for certain, so no row names the copies
			for _, d := range p.dests {
				b.giveUp(d, err)
			}
		}
		if deferredDiscard {
			for _, d := range p.dests {
				b.each(d, func(_ *received, dl *delivery) { _ = d.Target.Discard([]deliver.Ticket{dl.ticket()}) })
			}
		}
		return err
	}
	p.obs.Committed(ctx)
	p.secured(b)
	p.post(b)
	return p.publishBatch(ctx, b)
}

// post hands a batch's copies for remote destinations to their outboxes.
func (p *settler) post(b *batch) {
	for _, d := range p.dests {
		if d.out == nil {
			continue
		}
		var all []sending
		b.each(d, func(m *received, dl *delivery) { all = append(all, sending{row: dl.row, m: m}) })
		d.out.add(all...)
	}
}

// prepare makes each destination's copies durable, with one barrier. Copies of a destination whose barrier failed are
// given up: their rows were never written, so they may be discarded. It may run while the batch before is settled.
func (p *settler) prepare(ctx context.Context, b *batch) {
	p.unusable(b)
	for _, d := range p.dests {
		var tickets []deliver.Ticket
		b.each(d, func(_ *received, c *delivery) { tickets = append(tickets, c.ticket()) })
		if len(tickets) == 0 {
			continue
		}
		if err := d.Target.Prepare(ctx, tickets); err != nil {
			if ctx.Err() == nil {
				d.failStaging(err)
			}
			b.giveUp(d, err)
		}
	}
}

// unusable gives up the copies of destinations that failed to publish an earlier batch: that one stays 'publishing', and
// there is never a second. One that has a spool may go on taking copies.
func (p *settler) unusable(b *batch) {
	for _, d := range p.dests {
		if err := d.publishFailure(); err != nil && !d.isRemote() {
			b.giveUp(d, err)
		}
	}
}

// giveUp discards a destination's copies, which no commit has named. What cannot be removed is an orphan in the staging
// place; it harms nobody.
func (b *batch) giveUp(d *destination, err error) {
	var tickets []deliver.Ticket
	b.each(d, func(_ *received, c *delivery) {
		tickets = append(tickets, c.ticket())
		c.err = err
	})
	if len(tickets) > 0 {
		_ = d.Target.Discard(tickets)
	}
}

// each calls f for the destination's copies that are still good.
func (b *batch) each(d *destination, f func(*received, *delivery)) {
	for i := range b.msgs {
		for j := range b.msgs[i].copies {
			if c := &b.msgs[i].copies[j]; c.dest == d && c.err == nil {
				f(&b.msgs[i], c)
			}
		}
	}
}

// enter writes the batch's rows into a change: 'publishing' for what the next Publish takes, 'staged' for the rest and
// for remote destinations, 'owed' for a destination that failed while another did not. A message that no destination
// has is not entered; it stays wanted. p.committing is held.
func (p *settler) enter(c *uidl.Change, b *batch) {
	quota := map[*destination]int{}
	for _, d := range p.dests {
		if !d.isRemote() && d.publishFailure() == nil {
			quota[d] = d.Target.Batch()
		}
	}
	c.Put = slices.Grow(c.Put, len(b.msgs))
	c.Stage = slices.Grow(c.Stage, len(b.msgs))
	for i := range b.msgs {
		m := &b.msgs[i]
		if err := m.unstaged(); err != nil {
			p.refused(c, m, err)
			continue
		}
		m.msg.State = uidl.Wanted
		if m.owed && !staleFacts {
			c.Renew = append(c.Renew, m.msg)
		} else {
			c.Put = append(c.Put, m.msg)
			delete(p.open, m.msg.Key) // another message's, if there was one: its deliveries are settled
		}
		for j := range m.copies {
			dl := &m.copies[j]
			row := &dl.row
			if dl.err != nil && dl.dest.Optional {
				p.obs.Reason(fmt.Sprintf("destination %s, which is not required, goes without: %v", dl.dest.Name, dl.err))
				c.Settle = append(c.Settle, uidl.Settled{Key: row.Key, Destination: row.Destination, As: uidl.Waive})
				continue
			}
			if row.State == 0 {
				p.opened(m, !dl.dest.Optional)
			}
			row.At = c.At
			switch {
			case dl.err != nil:
				*row = p.owedAgain(*row, dl.err, c.At)
			case quota[dl.dest] > 0:
				quota[dl.dest]--
				row.State = uidl.Publishing
			default:
				row.State = uidl.Staged
			}
			c.Stage = append(c.Stage, *row)
		}
	}
}

// unstaged is why no required destination has a copy, nil if one does.
func (m *received) unstaged() (err error) {
	for i := range m.copies {
		switch c := &m.copies[i]; {
		case c.dest.Optional:
		case c.err == nil:
			return nil
		case err == nil:
			err = c.err
		}
	}
	return err
}

// secured tells which messages every destination has durably, published or not.
func (p *settler) secured(b *batch) {
	for i := range b.msgs {
		if m := &b.msgs[i]; !slices.ContainsFunc(m.copies, func(c delivery) bool { return c.err != nil && !c.dest.Optional }) {
			p.obs.Secured(m)
		}
	}
}

// refused enters a message that no required destination took. The fault of a whole destination is nobody's attempt.
func (p *settler) refused(c *uidl.Change, m *received, err error) {
	for i := range m.copies {
		if dl := &m.copies[i]; dl.err == nil {
			_ = dl.dest.Target.Discard([]deliver.Ticket{dl.ticket()}) // no commit has named it
			dl.err = err
		}
	}
	if verdict.ScopeOf(err) == deliver.WholeTarget || errors.Is(err, context.Canceled) {
		return
	}
	p.obs.Untaken(c, m, err)
}

// publishBatch publishes what is 'publishing', commits the results together with the next 'publishing', and so on until
// nothing is left or a destination failed; usually that is one round. Remote destinations are sent to by their outboxes.
func (p *settler) publishBatch(ctx context.Context, b *batch) error {
	for {
		var all []published
		var of []*delivery
		for _, d := range p.dests {
			if d.isRemote() {
				continue
			}
			from := len(all)
			b.each(d, func(m *received, dl *delivery) {
				if dl.row.State == uidl.Publishing {
					all, of = append(all, published{d: d, row: dl.row, m: m}), append(of, dl)
				}
			})
			if len(all) > from {
				publishRows(ctx, d, all[from:])
			}
		}
		if len(all) == 0 {
			return nil
		}
		if err := p.concludeRound(ctx, all, func(c *uidl.Change) {
			for i, dl := range of {
				if dl.row = all[i].next.row; !all[i].settled {
					dl.err = all[i].err
				}
			}
			p.next(b, c)
		}); err != nil {
			return err
		}
	}
}

// next moves staged rows on to 'publishing', for destinations that work.
func (p *settler) next(b *batch, c *uidl.Change) {
	for _, d := range p.dests {
		if d.isRemote() || d.publishFailure() != nil {
			continue
		}
		quota := d.Target.Batch()
		b.each(d, func(_ *received, dl *delivery) {
			if dl.row.State == uidl.Staged && quota > 0 {
				quota--
				dl.row.State, dl.row.At = uidl.Publishing, c.At
				c.Stage = append(c.Stage, dl.row)
			}
		})
	}
}

// owedAgain is the row of a destination that could not stage a message that another one has.
func (p *settler) owedAgain(row uidl.Delivery, err error, at int64) uidl.Delivery {
	row = owed(row, err, at)
	if verdict.ScopeOf(err) == deliver.ThisMessage {
		row.Attempts++
		row.NextTry = p.now().Add(health.RetryAfter(row.Attempts)).Unix()
	}
	return row
}
