package uidltest

import (
	"context"
	"fmt"
	"maps"

	"github.com/popsync/popsync/uidl"
)

// Rename builds what the database and the leases will be, and puts it in place unless a move was refused.
func (l *memoryLedger) Rename(ctx context.Context, moves []uidl.Renaming) error {
	return l.do(ctx, func() error {
		states, leases := maps.Clone(l.m.states), map[string]*memoryLease{}
		from, to := map[string]bool{}, map[string]bool{}
		for _, m := range moves {
			if uidl.CheckName(m.To) != nil || m.From == m.To || from[m.From] || to[m.To] {
				return fmt.Errorf("rename account %.80q to %.80q", m.From, m.To)
			}
			from[m.From], to[m.To] = true, true
			if l.m.lease(m.From).holder != nil || l.m.lease(m.To).holder != nil {
				return fmt.Errorf("rename account %s to %s: %w", m.From, m.To, uidl.ErrBusy)
			}
			if states[m.From] == nil {
				return fmt.Errorf("rename account %s: unknown", m.From)
			}
			leases[m.From], leases[m.To] = new(memoryLease), new(memoryLease)
			delete(states, m.From)
		}
		for _, m := range moves {
			var empty []byte
			if old := states[m.To]; old != nil {
				if old.info.Listings+int64(len(old.messages)+len(old.destinations)) > 0 {
					return fmt.Errorf("rename account %s to %s: %w", m.From, m.To, uidl.ErrNameTaken)
				}
				empty = old.info.Facts
			}
			s := l.m.states[m.From].clone()
			s.info.Name = m.To
			s.info.Epoch++
			if m.Facts != nil {
				s.info.Facts = m.Facts(s.info.Facts, empty)
			}
			states[m.To] = s
		}
		for _, m := range moves {
			old := l.m.lease(m.From)
			leases[m.To].marker, leases[m.To].note = old.marker, old.note
			if i := states[m.To].info; old.note.Token == i.Token || old.note == (uidl.Note{}) {
				leases[m.To].leave(i)
			}
		}
		l.m.states = states
		maps.Copy(l.m.leases, leases)
		return nil
	})
}
