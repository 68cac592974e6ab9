package uidltest

import (
	"context"
	"fmt"
	"slices"

	"github.com/popsync/popsync/uidl"
)

// Commit applies a change to a copy of the account's state, and the copy takes its place unless a step failed.
func (a *memoryAccount) Commit(ctx context.Context, c uidl.Change) error {
	if c.Empty() {
		return nil
	}
	if err := c.Check(); err != nil {
		return err
	}
	return a.l.do(ctx, func() error {
		if a.closed {
			return errAccountClosed
		}
		if a.hasLost() {
			return uidl.ErrLeaseLost
		}
		old := a.l.m.states[a.name]
		next := memoryChange{Change: c, lastSeq: a.lastSeq}
		switch {
		case old == nil && a.info.Epoch == 0:
			next.s = (&memoryState{info: uidl.Info{Name: a.name, Token: a.l.m.token(), Epoch: 1}}).clone()
		case old == nil || old.info.Epoch != a.info.Epoch || old.info.Token != a.info.Token:
			a.lose()
			return uidl.ErrLeaseLost
		default:
			next.s = old.clone()
		}
		if err := next.apply(); err != nil {
			return fmt.Errorf("commit to ledger, account %s: %w", a.name, err)
		}
		doubt := a.l.m.doubt
		if a.l.m.doubt = nil; doubt != nil {
			a.lose()
			if *doubt {
				a.l.m.states[a.name] = next.s
			}
			return uidl.ErrDoubt
		}
		took := next.s.info.Epoch != a.info.Epoch
		a.l.m.states[a.name], a.info, a.lastSeq = next.s, next.s.info, next.lastSeq
		if took {
			a.lease.leave(a.info)
		}
		return nil
	})
}

// memoryChange is a Change being applied to a state that nobody else sees.
type memoryChange struct {
	uidl.Change
	s       *memoryState
	lastSeq int64
}

// apply follows the order of Change's fields.
func (c *memoryChange) apply() error {
	c.account()
	for _, step := range []func() error{c.places, c.all} {
		if err := step(); err != nil {
			return err
		}
	}
	c.put()
	for _, step := range []func() error{c.update, c.stage, c.settle} {
		if err := step(); err != nil {
			return err
		}
	}
	if c.Purge {
		c.purge()
	}
	c.ending()
	return nil
}

// account is what a change begins with.
func (c *memoryChange) account() {
	i := &c.s.info
	i.Epoch = max(i.Epoch, c.Lift)
	if c.Listed {
		i.Listings++
		i.ListedAt = c.At
		next, fix := i.Clock.Listed(c.At)
		i.Clock = next
		c.each(func(m *uidl.Message) {
			if fix && m.FirstSeen > next.Confirmed {
				m.FirstSeen = next.Confirmed
			}
		})
	}
	if c.Generation != 0 {
		i.Generation = c.Generation
	}
}

// each changes all messages.
func (c *memoryChange) each(f func(*uidl.Message)) {
	for k, m := range c.s.messages {
		f(&m)
		c.s.messages[k] = m
	}
}

// places forgets destinations and writes others.
func (c *memoryChange) places() error {
	for _, ordinal := range c.Fold {
		for k := range c.s.deliveries {
			if k.ordinal == ordinal {
				return fmt.Errorf("fold destination %d: something is open for it", ordinal)
			}
		}
		bit := uidl.PlaceOf(ordinal)
		c.each(func(m *uidl.Message) {
			if m.Have.Has(bit) {
				m.Have = m.Have&^bit | uidl.Former
			}
			m.Waived &^= bit
		})
		delete(c.s.destinations, ordinal)
	}
	for _, d := range c.Destinations {
		c.s.destinations[d.Ordinal] = d
	}
	names := map[string]bool{}
	for _, d := range c.s.destinations {
		if names[d.Name] {
			return fmt.Errorf("two destinations of the name %q", d.Name)
		}
		names[d.Name] = true
	}
	return nil
}

// all changes what all rows say, and keys.
func (c *memoryChange) all() error {
	c.each(func(m *uidl.Message) {
		if c.Vouch && !m.Have.Has(uidl.Seen) {
			m.Have &^= uidl.Unsure
		}
		if c.Release && m.State == uidl.Held {
			m.State, m.Attempts, m.NextTry, m.Reason = uidl.Wanted, 0, 0, ""
		}
	})
	for _, move := range c.Move {
		m, known := c.s.messages[move.From]
		_, taken := c.s.messages[move.To]
		if !known || taken {
			return fmt.Errorf("move %s to %s: unknown, or taken", move.From.Quoted(), move.To.Quoted())
		}
		delete(c.s.messages, move.From)
		m.Key = move.To
		c.s.messages[move.To] = m
		for ordinal := range uidl.Ordinals {
			if d, ok := c.s.deliveries[deliveryKey{move.From, ordinal}]; ok {
				delete(c.s.deliveries, deliveryKey{move.From, ordinal})
				d.Key = move.To
				c.s.deliveries[deliveryKey{move.To, ordinal}] = d
			}
		}
	}
	for _, k := range c.Remove {
		_, known := c.s.messages[k]
		for ordinal := range uidl.Ordinals {
			_, open := c.s.deliveries[deliveryKey{k, ordinal}]
			known = known && !open
		}
		if !known {
			return fmt.Errorf("remove %s: unknown, or a delivery is open", k.Quoted())
		}
		delete(c.s.messages, k)
	}
	return nil
}

// ending writes the account's status and the pass.
func (c *memoryChange) ending() {
	i := &c.s.info
	if s := c.Status; s != nil {
		facts := i.Facts
		if i.Status = *s; s.Facts != nil {
			facts = slices.Clone(s.Facts)
		}
		i.Facts = facts
	}
	if p := c.Pass; p != nil {
		if p.OK {
			i.SucceededAt = c.At
		}
		last := *p
		c.s.last = &last
	}
}
