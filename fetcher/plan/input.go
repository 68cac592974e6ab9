package plan

import (
	"time"

	"github.com/popsync/popsync/fetcher/facts"
	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/uidl"
)

// Listing is what Plan reads of a *pop3.Listing.
type Listing interface {
	Len() int
	At(i int) pop3.Entry
}

// Input is all that a plan depends on.
type Input struct {
	Listing     Listing
	Order       []int32 // of the listing by (UID, number): see sortedByUID
	Complete    bool    // rows that are missing from the listing are gone
	Rows        *Rows
	Open        map[uidl.Key]*facts.OpenState // messages with unsettled deliveries
	Set         *facts.Set
	Policy      Policy
	NeverDelete bool
	Aged        int64             // ages count up to this (Unix seconds): see uidl.Clock
	Confirmed   int64             // and the times of tombstones
	Elsewhere   bool              // the rows may be of another mailbox
	Met         map[uidl.Key]bool // with it: recognised by earlier sessions of the pass
	Now         time.Time
	Waits       func(until int64) bool
	HoldUntil   int64             // what the fallback took, and is found to lack nothing, stays until then; 0: it need not
	Most        int               // due messages that a session deals with; 0: any number
	ShowLater   bool              // what is due beyond that is in the plan, too
	Deleted     map[uidl.Key]bool // those that the server was told to delete earlier in this pass
	Short       map[uidl.Key]bool // messages that came short: whether they were delivered
	verdicts    []verdictOfFacts  // by index in rows.kinds
}

// verdictOfFacts is what follows from the facts of a row.
type verdictOfFacts struct {
	lacks uidl.Places
	keeps string // why it must stay on the server; "": it need not
}

// judge looks once at each kind of facts that there is.
func (in *Input) judge() {
	in.verdicts = make([]verdictOfFacts, len(in.Rows.Kinds))
	for i, f := range in.Rows.Kinds {
		in.verdicts[i] = verdictOfFacts{in.Set.Lacks(f), in.Set.Keeps(f)}
	}
}

// leaves counts the listed messages that policy leaves on the server unread, known ones included.
func (in *Input) leaves(p *Plan) (n int) {
	nameless := in.Policy.Delete != DeleteAfterDelivery || in.NeverDelete
	if in.Policy.MaxSize <= 0 && (!nameless && p.newest == 0 || in.Listing.Len() == 0 || in.entry(0).HasUID) { // those without come first
		return 0
	}
	for i := range in.Listing.Len() {
		if e := in.Listing.At(i); (nameless || p.Newest(e.Num)) && !e.HasUID || in.Policy.MaxSize > 0 && e.Size > in.Policy.MaxSize {
			n++
		}
	}
	return n
}

// entry is the k-th of the listing in order; none at its end.
func (in *Input) entry(k int) (e pop3.Entry) {
	if k < len(in.Order) {
		e = in.Listing.At(int(in.Order[k]))
	}
	return e
}

// run counts the listed messages from position k on that have this UID.
func (in *Input) run(k int, uid string) int {
	n := 1
	for k+n < len(in.Order) && in.entry(k+n).UID == uid {
		n++
	}
	return n
}
