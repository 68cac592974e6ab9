package uidltest

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/popsync/popsync/uidl"
)

// Commit applies a change to a copy of the account's state, and the copy takes its place unless a step failed.
func (a *memoryAccount) Commit(ctx context.Context, c uidl.Change) error {
	if empty(c) {
		return nil
	}
	return a.l.do(ctx, func() error {
		switch {
		case a.closed:
			return errAccountClosed
		case a.p.state.info.Epoch != a.info.Epoch:
			return uidl.ErrLeaseLost
		}
		next := memoryChange{c, a.p.state.clone(), a.lastSeq}
		if err := next.apply(); err != nil {
			return fmt.Errorf("commit to ledger, account %s: %w", a.info.Name, err)
		}
		a.p.state, a.info, a.lastSeq = next.s, next.s.info, next.lastSeq
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
	if i := &c.s.info; c.Listed {
		if i.Listings == 0 || floorDay(i.ListedAt) != floorDay(c.At) {
			i.ListingDays++
		}
		i.Listings++
		i.ListedAt = c.At
	}
	for _, step := range []func() error{c.put, c.update, c.deliver} {
		if err := step(); err != nil {
			return err
		}
	}
	if c.Purge {
		c.purge()
	}
	c.account()
	return nil
}

func (c *memoryChange) put() error {
	for _, d := range c.Destinations {
		if d.Name == "" {
			return fmt.Errorf("destination without a name")
		}
		c.s.destinations[d.Name] = d
	}
	for _, m := range c.Put {
		if err := check(m.Key, m.State >= uidl.Wanted && m.State <= uidl.Skipped); err != nil {
			return err
		}
		c.s.messages[m.Key] = m
	}
	return nil
}

// update changes rows that must be there.
func (c *memoryChange) update() (err error) {
	known := func(k uidl.Key, f func(*uidl.Message)) {
		m, ok := c.s.messages[k]
		if !ok {
			err = fmt.Errorf("%.80q/%d: the ledger has no such message", k.UID, k.Dup)
			return
		}
		f(&m)
		c.s.messages[k] = m
	}
	for _, mark := range c.Mark {
		if err := check(mark.Key, mark.State >= uidl.Wanted && mark.State <= uidl.Skipped); err != nil {
			return err
		}
		known(mark.Key, func(m *uidl.Message) {
			if m.State = mark.State; mark.Size != 0 {
				m.Size = mark.Size
			}
			m.Attempts, m.NextTry, m.Reason = mark.Attempts, mark.NextTry, mark.Reason
		})
	}
	for _, k := range c.Gone {
		known(k, func(m *uidl.Message) {
			if m.GoneAt == 0 { // one that was gone already keeps its times
				m.GoneAt, m.GoneListing = c.At, c.s.info.Listings
			}
		})
	}
	for _, k := range c.Back {
		known(k, func(m *uidl.Message) { m.GoneAt, m.GoneListing = 0, 0 })
	}
	return err
}

// deliver stages, which records the name of a destination that is new, and settles.
func (c *memoryChange) deliver() error {
	for _, d := range c.Stage {
		_, known := c.s.messages[d.Key]
		if err := check(d.Key, known && d.State >= uidl.Staged && d.State <= uidl.Owed && d.Destination != ""); err != nil {
			return err
		}
		if _, ok := c.s.destinations[d.Destination]; !ok {
			c.s.destinations[d.Destination] = uidl.Destination{Name: d.Destination}
		}
		if d.Seq == 0 {
			d.Seq = c.lastSeq + 1
		}
		c.lastSeq = max(c.lastSeq, d.Seq)
		if d.At == 0 {
			d.At = c.At
		}
		c.s.deliveries[uidl.Settled{Key: d.Key, Destination: d.Destination}] = d
	}
	for _, k := range c.Settle {
		delete(c.s.deliveries, k)
	}
	return nil
}

// purge removes tombstones 90 days and 10 complete listings old that no delivery holds.
func (c *memoryChange) purge() {
	held := map[uidl.Key]bool{}
	for k := range c.s.deliveries {
		held[k.Key] = true
	}
	maps.DeleteFunc(c.s.messages, func(k uidl.Key, m uidl.Message) bool {
		return m.GoneAt != 0 && m.GoneAt <= c.At-90*day && m.GoneListing <= c.s.info.Listings-10 && !held[k]
	})
}

// account writes the account's own row and the pass.
func (c *memoryChange) account() {
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

// floorDay is the day of a time, in UTC, also of one before 1970.
func floorDay(t int64) int64 { return (t - ((t%day)+day)%day) / day }

// check refuses keys that no ledger takes; ok says whether the rest of the row is right.
func check(k uidl.Key, ok bool) error {
	if len(k.UID) < 1 || len(k.UID) > 512 || k.Dup < 0 || int64(k.Dup) > 1<<31-1 || !ok {
		return fmt.Errorf("%.80q/%d: not a row of a ledger", k.UID, k.Dup)
	}
	return nil
}
