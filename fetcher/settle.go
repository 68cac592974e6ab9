package fetcher

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/uidl"
)

// settle takes a batch through the delivery protocol: Prepare, commit, Publish, commit. It returns an error only when
// the ledger failed. A destination that fails is noted in it, and the messages stay on the server.
//
// From the first commit on, the staged bytes belong to the ledger: nothing here discards them after it was attempted,
// whatever it returned.
func (p *pass) settle(ctx context.Context, b *batch) error {
	p.prepare(ctx, b)
	open := p.enter(b)
	if omitPublishing {
		p.later(func(c *uidl.Change) { *c = merge(*c, open) })
	} else if len(open.Put) > 0 || len(open.Stage) > 0 || len(open.Mark) > 0 {
		if err := p.commit(ctx, open); err != nil {
			if deferredDiscard {
				for _, row := range open.Stage {
					_ = p.destination(row.Destination).Target.Discard([]deliver.Ticket{deliver.Ticket(row.Ticket)})
				}
			}
			return err
		}
	}
	p.secured(b)
	return p.publishBatch(ctx, b)
}

// prepare makes each destination's copies durable, with one barrier. Copies of a destination whose barrier failed are
// given up: their rows were never written, so they may be discarded.
func (p *pass) prepare(ctx context.Context, b *batch) {
	for _, d := range p.dests {
		var tickets []deliver.Ticket
		b.each(d, func(_ *received, c *delivery) { tickets = append(tickets, c.ticket()) })
		if len(tickets) == 0 {
			continue
		}
		// A destination that takes no further copies may still publish those it has; one that could not publish keeps
		// its batch 'publishing', and there is never a second.
		var err error
		if d.Target.Batch() > 1 {
			err = d.publishFailure()
		}
		if err == nil {
			err = d.Target.Prepare(ctx, tickets)
		}
		if err == nil {
			continue
		}
		if ctx.Err() == nil {
			d.failStaging(err)
		}
		// What cannot be removed is an orphan in the staging place; it harms nobody.
		_ = d.Target.Discard(tickets)
		b.each(d, func(_ *received, c *delivery) { c.err = err })
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

// enter writes the batch's rows into a change: 'publishing' for what the next Publish takes, 'staged' for the rest of
// a destination that takes fewer at once, 'owed' for a destination that failed while another did not. A message that no
// destination has is not entered; it stays wanted.
func (p *pass) enter(b *batch) uidl.Change {
	c := uidl.Change{At: p.now().Unix()}
	quota := map[*destination]int{}
	for _, d := range p.dests {
		if d.publishFailure() == nil {
			quota[d] = d.Target.Batch()
		}
	}
	for i := range b.msgs {
		m := &b.msgs[i]
		good := 0
		for j := range m.copies {
			if m.copies[j].err == nil {
				good++
			}
		}
		if good == 0 {
			p.refused(&c, m)
			continue
		}
		m.msg.State = uidl.Wanted
		c.Put = append(c.Put, m.msg)
		for j := range m.copies {
			row := &m.copies[j].row
			row.At = c.At
			switch {
			case m.copies[j].err != nil:
				*row = p.owedAgain(*row, m.copies[j].err, c.At)
			case quota[m.copies[j].dest] > 0:
				quota[m.copies[j].dest]--
				row.State = uidl.Publishing
			default:
				row.State = uidl.Staged
			}
			c.Stage = append(c.Stage, *row)
		}
	}
	return c
}

// secured notes which messages every destination has durably, published or not.
func (p *pass) secured(b *batch) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range b.msgs {
		if m := &b.msgs[i]; !slices.ContainsFunc(m.copies, func(c delivery) bool { return c.err != nil }) {
			p.safe[m.num] = true
		}
	}
}

// refused enters a message that no destination took. The fault of a whole destination is nobody's attempt.
func (p *pass) refused(c *uidl.Change, m *received) {
	err := m.copies[0].err
	if scopeOf(err) == deliver.WholeTarget || errors.Is(err, context.Canceled) {
		return
	}
	p.charge(c, m.msg.Row, err.Error(), permanent(err))
}

// publishBatch publishes what is 'publishing', commits the results together with the next 'publishing', and so on until
// nothing is left or a destination failed. For a Maildir that is one round; for a destination with Batch 1, one round
// per message, so that a crash leaves one message in doubt.
func (p *pass) publishBatch(ctx context.Context, b *batch) error {
	for {
		var c uidl.Change
		var done []*received
		busy := false
		for _, d := range p.dests {
			var now []*delivery
			var of []*received
			b.each(d, func(m *received, dl *delivery) {
				if dl.row.State == uidl.Publishing {
					now, of = append(now, dl), append(of, m)
				}
			})
			if len(now) > 0 {
				busy = true
				p.publish(ctx, d, now, of, &c)
			}
			for _, m := range of {
				if m.settled() {
					done = append(done, m)
				}
			}
		}
		if !busy {
			return nil
		}
		c.At = p.now().Unix()
		for _, m := range done {
			c.Mark = append(c.Mark, uidl.Mark{Key: m.msg.Key, State: uidl.Delivered})
		}
		p.next(b, &c)
		if err := p.commit(ctx, c); err != nil {
			return err
		}
		for _, m := range done {
			p.delivered(m)
		}
	}
}

// publish publishes one destination's tickets and enters what came of each into the change.
func (p *pass) publish(ctx context.Context, d *destination, now []*delivery, of []*received, c *uidl.Change) {
	tickets := make([]deliver.Ticket, len(now))
	for i := range now {
		tickets[i] = now[i].ticket()
	}
	for i, err := range publishAll(ctx, d, tickets) {
		dl, m := now[i], of[i]
		next := judge(dl.row, err, d.Target.Batch() == 1, p.now())
		if next.target != nil {
			d.failPublishing(next.target)
		}
		dl.row, dl.err = next.row, err
		if next.settled {
			c.Settle = append(c.Settle, uidl.Settled{Key: m.msg.Key, Destination: d.Name})
			continue
		}
		p.reason(err.Error())
		c.Stage = append(c.Stage, next.row)
	}
}

// publishAll guards against a Target that answers for fewer tickets than it was given.
func publishAll(ctx context.Context, d *destination, tickets []deliver.Ticket) []error {
	errs := d.Target.Publish(ctx, tickets)
	for len(errs) < len(tickets) {
		errs = append(errs, &deliver.Error{Op: "publish", Scope: deliver.WholeTarget,
			Err: fmt.Errorf("destination %s answered for %d of %d messages", d.Name, len(errs), len(tickets))})
	}
	return errs
}

// settled tells whether nothing is open for the message any more.
func (m *received) settled() bool {
	if m.others > 0 {
		return false
	}
	for j := range m.copies {
		if m.copies[j].err != nil || m.copies[j].row.State != 0 {
			return false
		}
	}
	return true
}

// next moves staged rows on to 'publishing', for destinations that work.
func (p *pass) next(b *batch, c *uidl.Change) {
	for _, d := range p.dests {
		if d.publishFailure() != nil {
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
func (p *pass) owedAgain(row uidl.Delivery, err error, at int64) uidl.Delivery {
	row = owed(row, err, at)
	if scopeOf(err) == deliver.ThisMessage {
		row.Attempts++
		row.NextTry = p.now().Add(retryAfter(row.Attempts)).Unix()
	}
	return row
}
