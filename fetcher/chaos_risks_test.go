package fetcher

import (
	"strings"

	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/uidl"
)

// What a person says about mail that nobody can tell is that person's risk: this is all that such words excuse.
//
//   - Accept of messages that are held back: each of them may come once more to every place. It excuses no loss.
//   - Vouch: what is unsure then may be deleted though no place has it. It excuses nothing of other messages.
//   - Backfill with Fetch, of a destination that need not have what is listed: what the rebuilding found elsewhere, and
//     this one's reader took, may come to it once more.
//   - Backfill with Without: what is older than the destination may be deleted without it. The rows say which, so nothing
//     stands here.
//   - Adopt excuses nothing: another Maildir is another place, and what was open goes on to places that lack it.
//   - All of state_dir restored or lost: a remote destination keeps no trace of how far the ledger was, so it may get all
//     again. A Maildir does.
type risks struct {
	vouched map[int]bool // groups
	again   map[int]int  // groups: how many more copies of each are right at any one place
	resend  bool         // remote destinations may get anything again
	verify  bool         // the ledger may lack rows, and no listing was complete since
	adopt   bool         // Adopt was said, and no pass acted on it yet
}

func newRisks() risks { return risks{vouched: map[int]bool{}, again: map[int]int{}} }

// groupsOf are those of all messages that ever had a name.
func (w *world) groupsOf(uid string) (all []int) {
	for _, l := range w.letters {
		for _, n := range l.names {
			if n == uid {
				all = append(all, l.group)
				break
			}
		}
	}
	return all
}

// riskRows calls f with the groups of all rows that fit.
func (w *world) riskRows(fits func(uidl.Row) bool, f func(group int)) {
	for i := range w.rows {
		if fits(w.rows[i].Row) && !strings.HasPrefix(w.rows[i].UID, plan.FormerName) {
			for _, g := range w.groupsOf(w.rows[i].UID) {
				f(g)
			}
		}
	}
}

// riskAccept is before Accept.
func (w *world) riskAccept() {
	w.riskRows(func(r uidl.Row) bool { return r.State == uidl.Held }, func(g int) { w.again[g]++ })
}

// riskVouch is before Vouch.
func (w *world) riskVouch() {
	w.riskRows(func(r uidl.Row) bool { return r.Have.Has(uidl.Unsure) }, func(g int) { w.vouched[g] = true })
}

// riskFetch is before Backfill with Fetch.
func (w *world) riskFetch() {
	w.riskRows(func(r uidl.Row) bool { return r.Generation == uidl.BeforeAll }, func(g int) { w.again[g]++ })
}
