package uidltest

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/popsync/popsync/uidl"
)

func (c *memoryChange) put() {
	i := &c.s.info
	for n, m := range slices.Concat(c.Put, c.Renew) {
		if old, ok := c.s.messages[m.Key]; ok && n >= len(c.Put) {
			m.Facts = old.Facts
		}
		if m.FirstSeen > i.Confirmed+2*day { // its listing was never counted
			i.Loose = true
		}
		c.s.messages[m.Key] = m
	}
}

// row changes a message that must be there.
func (c *memoryChange) row(k uidl.Key, f func(*uidl.Message)) error {
	m, ok := c.s.messages[k]
	if !ok {
		return fmt.Errorf("%s: the ledger has no such message", k.Quoted())
	}
	f(&m)
	c.s.messages[k] = m
	return nil
}

func (c *memoryChange) update() (err error) {
	for _, mark := range c.Mark {
		err = errors.Join(err, c.row(mark.Key, func(m *uidl.Message) {
			if mark.Size != 0 {
				m.Size = mark.Size
			}
			if mark.State != 0 {
				m.State, m.Attempts, m.NextTry, m.Reason = mark.State, mark.Attempts, mark.NextTry, mark.Reason
			}
		}))
	}
	for _, k := range c.Gone {
		err = errors.Join(err, c.row(k, func(m *uidl.Message) {
			if m.GoneAt == 0 { // one that was gone already keeps its times
				m.GoneAt, m.GoneListing = c.s.info.Clock.Now(c.At), c.s.info.Listings
			}
		}))
	}
	for _, k := range c.Back {
		err = errors.Join(err, c.row(k, func(m *uidl.Message) { m.GoneAt, m.GoneListing = 0, 0 }))
	}
	return err
}

func (c *memoryChange) stage() error {
	for _, d := range c.Stage {
		_, known := c.s.messages[d.Key]
		ordinal := c.s.ordinal(d.Destination)
		if !known || ordinal < 0 {
			return fmt.Errorf("stage %s for %.80q: unknown", d.Key.Quoted(), d.Destination)
		}
		if d.Seq == 0 {
			d.Seq = c.lastSeq + 1
		}
		c.lastSeq = max(c.lastSeq, d.Seq)
		if d.At == 0 {
			d.At = c.At
		}
		c.s.deliveries[deliveryKey{d.Key, ordinal}] = d
	}
	return nil
}

func (c *memoryChange) settle() error {
	for _, s := range c.Settle {
		ordinal := c.s.ordinal(s.Destination)
		if s.As != uidl.Dropped && ordinal < 0 {
			return fmt.Errorf("settle %s for %.80q: unknown", s.Key.Quoted(), s.Destination)
		}
		delete(c.s.deliveries, deliveryKey{s.Key, ordinal})
		if s.As == uidl.Dropped && s.State == 0 {
			continue
		}
		err := c.row(s.Key, func(m *uidl.Message) {
			if s.As != uidl.Dropped {
				have, waived := s.As.Facts(uidl.PlaceOf(ordinal))
				m.Have, m.Waived = m.Have|have, m.Waived|waived
			}
			if s.State != 0 {
				m.State, m.Attempts, m.NextTry, m.Reason = s.State, 0, s.NextTry, s.Reason
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// purge removes tombstones 90 days and 10 complete listings old that no delivery holds.
func (c *memoryChange) purge() {
	held := map[uidl.Key]bool{}
	for k := range c.s.deliveries {
		held[k.Key] = true
	}
	old := c.s.info.Clock.Now(c.At) - 90*day
	maps.DeleteFunc(c.s.messages, func(k uidl.Key, m uidl.Message) bool {
		return m.GoneAt != 0 && m.GoneAt <= old && m.GoneListing <= c.s.info.Listings-10 && !held[k]
	})
}
