package fetcher

import (
	"context"
	"errors"

	"github.com/popsync/popsync/uidl"
)

// change builds and commits one change. Nobody else builds one meanwhile: p.open is what the ledger will have after the
// commit, so the one who settles a message's last delivery is the one who marks it delivered, in the same commit.
func (p *pass) change(ctx context.Context, build func(*uidl.Change)) error {
	p.committing.Lock()
	defer p.committing.Unlock()
	if p.doubt != nil {
		return p.doubt
	}
	c := uidl.Change{At: p.now().Unix()}
	build(&c)
	return p.apply(ctx, c)
}

// commit applies a change together with what was carried for it.
func (p *pass) commit(ctx context.Context, c uidl.Change) error {
	return p.change(ctx, func(to *uidl.Change) {
		if c.At == 0 {
			c.At = to.At
		}
		*to = c
	})
}

// apply commits; p.committing is held. It cannot be cancelled: a commit that was cut short would be in doubt. After one
// that is in doubt there is no other.
func (p *pass) apply(ctx context.Context, c uidl.Change) error {
	p.mu.Lock()
	c, p.carry = merge(p.carry, c), uidl.Change{}
	p.mu.Unlock()
	err := p.l.Commit(context.WithoutCancel(ctx), c)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, uidl.ErrLocked), errors.Is(err, uidl.ErrLeaseLost):
		p.doubt = err // p.open is not what the ledger has
	default:
		p.doubt = &commitError{err}
	}
	p.halted.Store(true)
	return p.doubt
}

// settleRow enters a delivery as settled, and the message as delivered when that was the last one open.
func (p *pass) settleRow(c *uidl.Change, row uidl.Delivery) (done bool) {
	c.Settle = append(c.Settle, uidl.Settled{Key: row.Key, Destination: row.Destination})
	if !p.required(row.Destination) {
		return false
	}
	if p.open[row.Key]--; p.open[row.Key] > 0 {
		return false
	}
	delete(p.open, row.Key)
	mark := uidl.Mark{Key: row.Key, State: uidl.Delivered}
	if p.quarantined[row.Key] {
		mark.Reason = reasonQuarantined
		if !p.a.DeleteQuarantined {
			mark.NextTry = p.now().Add(quarantineHold).Unix() // see due
		}
	}
	c.Mark = append(c.Mark, mark)
	return true
}

// required tells whether a message counts as delivered only when this destination has it. One that is not configured
// any more is: nobody has said that it may be forgotten.
func (p *pass) required(name string) bool {
	d := p.destination(name)
	return d == nil || !d.Optional
}

// completed reports a message for which nothing is open any more, as the ledger knows by now. m is nil for one that an
// earlier pass retrieved.
func (p *pass) completed(m *received, done bool) {
	switch {
	case m == nil:
		p.mu.Lock()
		p.rep.Recovered++
		if done {
			p.missed++
		}
		p.mu.Unlock()
	case done:
		p.delivered(m)
	}
}

// countOpen reports what is still on its way when the pass ends.
func (p *pass) countOpen() {
	if len(p.outboxes()) == 0 {
		return
	}
	p.committing.Lock()
	n := len(p.open)
	p.committing.Unlock()
	p.count(func(r *Report) { r.Pending = n })
}

// loadPending remembers which messages have open deliveries, and which of these must be fetched again.
func (p *pass) loadPending(ctx context.Context) error {
	p.committing.Lock() // nothing changes between what is read and what is remembered
	defer p.committing.Unlock()
	pending, err := p.l.Pending(ctx)
	if err != nil {
		return err
	}
	p.pending, p.owedTo, p.open = map[uidl.Key]bool{}, map[uidl.Key][]uidl.Delivery{}, map[uidl.Key]int{}
	now := p.now().Unix()
	for _, row := range pending {
		d := p.destination(row.Destination)
		if !p.required(row.Destination) {
			continue
		}
		due := row.State == uidl.Owed && row.NextTry <= now && d != nil
		p.pending[row.Key] = p.pending[row.Key] || due
		p.open[row.Key]++
		if due {
			p.owedTo[row.Key] = append(p.owedTo[row.Key], row)
		}
	}
	return p.loadQuarantined(ctx)
}

// loadQuarantined remembers which of the messages with open deliveries a fallback took.
func (p *pass) loadQuarantined(ctx context.Context) error {
	p.quarantined = map[uidl.Key]bool{}
	if p.fallback() == nil || len(p.open) == 0 {
		return nil
	}
	keys := make([]uidl.Key, 0, len(p.open))
	for k := range p.open {
		keys = append(keys, k)
	}
	found, err := p.l.Find(ctx, keys)
	for _, m := range found {
		if m.Reason == reasonQuarantined {
			p.quarantined[m.Key] = true
		}
	}
	return err
}
