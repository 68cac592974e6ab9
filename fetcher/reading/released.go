package reading

import (
	"context"
	"slices"

	"github.com/popsync/popsync/fetcher/desk"
	"github.com/popsync/popsync/fetcher/memory"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/rebuild"
	"github.com/popsync/popsync/fetcher/recognise"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/uidl"
)

// What was held back because the ledger may have forgotten it is fetched once a person lets it through. A Maildir may show it
// all the same: its unique-id was another message's before, or nothing could be compared when the ledger was in doubt. Once it
// is read, its content tells; and each Maildir gets it once.

// released are what Maildirs show under the unique-ids of what may have been held back.
type released struct {
	desk   *desk.Desk
	on     *desk.Session
	copies map[uidl.Key][]rebuild.Copy
	places map[string]int // behind how many keys come those of messages that are not listed; of unique-ids that several share
}

// lookForReleased reads what Maildirs show of the messages that are to be fetched, and that may have been held back.
func (x *released) lookForReleased(ctx context.Context) error {
	x.places = map[string]int{}
	var keys []uidl.Key
	for i := range x.on.Plan.Fetch {
		f := &x.on.Plan.Fetch[i]
		if !x.mayBeReleased(f) {
			continue
		}
		keys = append(keys, f.Key)
		if n := x.on.Plan.Shared(f.Key.UID); n > 0 && x.places[f.Key.UID] == 0 {
			x.places[f.Key.UID] = n
			for dup := n; dup < n+recognise.MaxSiblings; dup++ {
				keys = append(keys, uidl.Key{UID: f.Key.UID, Dup: dup})
			}
		}
	}
	if len(keys) == 0 {
		return nil
	}
	if err := x.desk.Share.Set(memory.OfPlan, x.on.Plan.Memory()+rebuild.StrangerOctets*int64(len(keys))); err != nil {
		return err
	}
	var err error
	x.copies, err = x.desk.Lost.Copies(ctx, keys)
	return err
}

// mayBeReleased: rows do not tell it. They do tell what no place has, as far as the ledger knows, and was first seen about when
// the ledger was in doubt.
func (x *released) mayBeReleased(f *plan.FetchStep) bool {
	lost := x.desk.Health.LostAt
	return (x.desk.Health.Verify || lost != 0 && f.Row.FirstSeen-lost < plan.Lately) && !f.Owed && !f.Compare && !f.Nameless && !plan.AskedAgain(f.Row) &&
		(f.Row.State == uidl.Wanted || f.Row.State == uidl.Parked) && f.Row.Have.Destinations() == 0 && x.desk.Settler.Pending[f.Key] == nil
}

// wasThere tells whether a message that was read is one that Maildirs show, and makes that a fact. What else lacks it gets it in
// the next session.
func (x *released) wasThere(ctx context.Context, f *plan.FetchStep, m *settle.Received) (bool, error) {
	if len(x.copies) == 0 || !x.mayBeReleased(f) {
		return false, nil
	}
	there, err := x.shownAt(ctx, f.Key, m)
	if err != nil || there == 0 {
		return false, err
	}
	row := m.Msg
	row.State, row.Attempts, row.Reason = uidl.Delivered, 0, plan.ReasonTagged
	row.Have |= there | uidl.Unsure
	if x.desk.Settler.Set.Lacks(row.Facts) != 0 {
		row.State, x.on.Cut = uidl.Wanted, true
	}
	x.desk.Settler.Later(func(c *uidl.Change) {
		c.At = x.desk.Now().Unix()
		c.Put = append(c.Put, row)
	})
	x.desk.Haul.Gain(1)
	if row.State == uidl.Delivered {
		x.desk.Haul.KeepSafe(f.Num)
		x.desk.Rec.Count(func(rep *report.Report) { rep.Kept++ })
	}
	return true, nil
}

// shownAt are the places that show a message: under its own key, or, where several share its unique-id and one of them has left,
// under that of a place behind those that are listed now, if the ledger knows nothing of that one.
func (x *released) shownAt(ctx context.Context, k uidl.Key, m *settle.Received) (there uidl.Places, err error) {
	for _, c := range x.copies[k] {
		if c.Is(m) {
			there |= c.At
		}
	}
	n := x.places[k.UID]
	if there != 0 || n == 0 {
		return there, nil
	}
	for dup := n; dup < n+recognise.MaxSiblings; dup++ {
		behind := uidl.Key{UID: k.UID, Dup: dup}
		i := slices.IndexFunc(x.copies[behind], func(c rebuild.Copy) bool { return c.Holds(m) })
		if i < 0 {
			continue
		}
		if rows, err := x.desk.Settler.L.Find(ctx, []uidl.Key{behind}); err != nil || len(rows) > 0 {
			return 0, err
		}
		there = x.copies[behind][i].At
		delete(x.copies, behind) // it is one message's
		return there, nil
	}
	return 0, nil
}
