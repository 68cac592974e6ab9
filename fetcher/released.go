package fetcher

import (
	"context"
	"slices"

	"github.com/popsync/popsync/fetcher/memory"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/rebuild"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/uidl"
)

// What was held back because the ledger may have forgotten it is fetched once a person lets it through. A Maildir may show it
// all the same: its unique-id was another message's before, or nothing could be compared when the ledger was in doubt. Once it
// is read, its content tells; and each Maildir gets it once.

// shownCopies are what Maildirs show under the unique-ids of what may have been held back.
type shownCopies struct {
	copies map[uidl.Key][]rebuild.Copy
	places map[string]int // behind how many keys come those of messages that are not listed; of unique-ids that several share
}

// lookForReleased reads what Maildirs show of the messages that are to be fetched, and that may have been held back.
func (s *session) lookForReleased(ctx context.Context) error {
	s.shown = shownCopies{places: map[string]int{}}
	var keys []uidl.Key
	for i := range s.plan.Fetch {
		f := &s.plan.Fetch[i]
		if !s.mayBeReleased(f) {
			continue
		}
		keys = append(keys, f.Key)
		if n := s.plan.Shared[f.Key.UID]; n > 0 && s.shown.places[f.Key.UID] == 0 {
			s.shown.places[f.Key.UID] = n
			for dup := n; dup < n+maxSiblings; dup++ {
				keys = append(keys, uidl.Key{UID: f.Key.UID, Dup: dup})
			}
		}
	}
	if len(keys) == 0 {
		return nil
	}
	if err := s.share.Set(memory.OfPlan, s.plan.Memory()+rebuild.StrangerOctets*int64(len(keys))); err != nil {
		return err
	}
	var err error
	s.shown.copies, err = s.lost.Copies(ctx, keys)
	return err
}

// mayBeReleased: rows do not tell it. They do tell what no place has, as far as the ledger knows, and was first seen about when
// the ledger was in doubt.
func (s *session) mayBeReleased(f *plan.FetchStep) bool {
	lost := s.Health.LostAt
	return (s.Health.Verify || lost != 0 && f.Row.FirstSeen-lost < plan.Lately) && !f.Owed && !f.Compare && !f.Nameless && !plan.AskedAgain(f.Row) &&
		(f.Row.State == uidl.Wanted || f.Row.State == uidl.Parked) && f.Row.Have.Destinations() == 0 && s.Pending[f.Key] == nil
}

// wasThere tells whether a message that was read is one that Maildirs show, and makes that a fact. What else lacks it gets it in
// the next session.
func (r *reader) wasThere(f *plan.FetchStep, m *settle.Received) (bool, error) {
	if len(r.shown.copies) == 0 || !r.mayBeReleased(f) {
		return false, nil
	}
	there, err := r.shownAt(f.Key, m)
	if err != nil || there == 0 {
		return false, err
	}
	row := m.Msg
	row.State, row.Attempts, row.Reason = uidl.Delivered, 0, plan.ReasonTagged
	row.Have |= there | uidl.Unsure
	if r.Set.Lacks(row.Facts) != 0 {
		row.State, r.cut = uidl.Wanted, true
	}
	r.Later(func(c *uidl.Change) {
		c.At = r.now().Unix()
		c.Put = append(c.Put, row)
	})
	r.haul.gain(1)
	if row.State == uidl.Delivered {
		r.haul.keepSafe(f.Num)
		r.rec.Count(func(rep *report.Report) { rep.Kept++ })
	}
	return true, nil
}

// shownAt are the places that show a message: under its own key, or, where several share its unique-id and one of them has left,
// under that of a place behind those that are listed now, if the ledger knows nothing of that one.
func (r *reader) shownAt(k uidl.Key, m *settle.Received) (there uidl.Places, err error) {
	for _, c := range r.shown.copies[k] {
		if c.Is(m) {
			there |= c.At
		}
	}
	n := r.shown.places[k.UID]
	if there != 0 || n == 0 {
		return there, nil
	}
	for dup := n; dup < n+maxSiblings; dup++ {
		behind := uidl.Key{UID: k.UID, Dup: dup}
		i := slices.IndexFunc(r.shown.copies[behind], func(c rebuild.Copy) bool { return c.Holds(m) })
		if i < 0 {
			continue
		}
		if rows, err := r.L.Find(r.ctx, []uidl.Key{behind}); err != nil || len(rows) > 0 {
			return 0, err
		}
		there = r.shown.copies[behind][i].At
		delete(r.shown.copies, behind) // it is one message's
		return there, nil
	}
	return 0, nil
}
