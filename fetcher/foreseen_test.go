package fetcher

import (
	"slices"
	"testing"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/delivertest"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/fetcher/verdict"
)

// Every message arrives once, whatever is announced; with one lane all but the first are.
func TestForeseen(t *testing.T) {
	for _, lanes := range []int{1, 2, 4} {
		box := mailbox(60)
		r := newRig(t, box...)
		r.acc.Policy.Delete = plan.DeleteAfterDelivery
		m := delivertest.NewMemory("remote")
		m.Senders = lanes
		log := &delivertest.Foreseen{}
		if rep := r.with(settle.Destination{Name: "remote", Target: delivertest.Foreseeing{Memory: m.Reopen(), Log: log}}); rep.Verdict.Class != verdict.OK || rep.Deleted != 60 {
			t.Errorf("%+v", rep)
		}
		wantRemote(t, m, box...)
		published := map[deliver.Ticket]int{}
		for _, ticket := range log.Published() {
			published[ticket]++
		}
		all := log.Announced()
		for _, next := range all {
			if published[next] != 1 {
				t.Errorf("%s was announced and published %d times", next, published[next])
			}
		}
		slices.Sort(all)
		if n := len(slices.Compact(all)); n != len(log.Announced()) || n < 60/4 {
			t.Errorf("%d of %d announced are different", n, len(log.Announced()))
		}
	}
}
