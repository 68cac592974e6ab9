package fetcher

import (
	"cmp"
	"context"
	"slices"

	"github.com/popsync/popsync/uidl"
)

// hunt has all unknown messages compared by their content with those that left the listing, while they are retrieved.
// Each that is the same, octet for octet, is its own evidence.
func (s *session) hunt(ctx context.Context, lost map[uidl.Key]bool) error {
	f := &formers{byContent: map[[32]byte][]*uidl.Message{}, taken: map[uidl.Key]bool{}}
	keys := make([]uidl.Key, 0, len(lost))
	for k := range lost {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b uidl.Key) int { // equal ones are taken in this order
		return cmp.Or(cmp.Compare(a.UID, b.UID), cmp.Compare(a.Dup, b.Dup))
	})
	for chunk := range slices.Chunk(keys, 500) {
		rows, err := s.l.Find(ctx, chunk)
		if err != nil {
			return err
		}
		for i := range rows {
			if m := &rows[i]; m.SHA256 != ([32]byte{}) && m.Reason != reasonMoved {
				f.byContent[m.SHA256] = append(f.byContent[m.SHA256], m)
			}
		}
	}
	s.formers = f
	s.hunted = 0
	for i := range s.plan.fetch {
		if st := &s.plan.fetch[i]; !st.owed && !st.compare && !st.nameless {
			st.moved = true
			s.hunted++
		}
	}
	s.spareDue()
	// With the first commit, whatever that is about: if the pass is interrupted, the next one must go on comparing, be
	// there ever so few messages left.
	s.facts.RenewedAt = cmp.Or(s.facts.RenewedAt, s.now().Unix())
	st := s.status()
	s.later(func(c *uidl.Change) { c.Status = st })
	return nil
}

// isMoved compares a message that was just read with those that left the listing, and adopts it if it is one of them.
func (r *reader) isMoved(f *fetchStep, m *received) bool {
	r.hunted--
	alike := r.formers.byContent[m.msg.SHA256]
	if m.whole != m.msg.SHA256 {
		alike = slices.Concat(alike, r.formers.byContent[m.whole])
	}
	for _, old := range alike {
		if r.formers.taken[old.Key] {
			continue
		}
		r.formers.taken[old.Key] = true
		r.epoch.proven = true
		if r.pending[old.Key].copies() {
			r.displace(old.Key, f.entry.key)
			r.mu.Lock()
			r.safe[f.num] = true // it is on its way, under its former unique-id
			r.mu.Unlock()
			return true
		}
		r.later(func(c *uidl.Change) {
			c.At = r.now().Unix()
			r.adopt(c, f.entry, old, old.FirstSeen)
		})
		r.mu.Lock()
		r.safe[f.num] = true
		r.rep.Kept++
		r.epoch.unsaved++
		r.mu.Unlock()
		r.adopted(1)
		return true
	}
	return false
}

// keepAdopted commits what isMoved carried, so that the next session knows it. err is how the retrieving ended; it is
// the caller's to return.
func (s *session) keepAdopted(ctx context.Context, err error) error {
	if s.formers != nil && s.hunted == 0 && s.plan.parked == 0 && err == nil {
		s.facts.RenewedAt = 0 // written when the pass ends
	}
	if s.epoch.unsaved == 0 || s.verdictOf(err).Stop {
		return nil
	}
	s.epoch.unsaved = 0
	return s.commit(ctx, uidl.Change{})
}
