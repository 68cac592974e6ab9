package fetcher

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/uidl"
	"github.com/popsync/popsync/uidl/uidltest"
)

// A commit in doubt at every place of a pass, applied or not: the same process goes on with the same ledger. The other account
// comes to no harm, and the next pass finds out what was applied: nothing lost, nothing twice, nothing deleted early.
func TestDoubtEndsTheAccount(t *testing.T) {
	for _, policy := range []plan.Delete{plan.DeleteNever, plan.DeleteAfterDelivery} {
		for _, applied := range []bool{false, true} {
			for k := 1; ; k++ {
				box, others := mailbox(8), mailbox(2)
				r := newRig(t, box...)
				r.server.AddUser("other", "p", others...)
				r.acc.Policy.Delete = policy
				r.opt.BatchMessages = 3
				w := uidltest.NewFaulty(r.ledger, uidltest.Fault{Commit: k, Applied: applied})
				r.ledger = w
				rep := r.run()
				hit := w.Hit()
				if hit && (rep.Verdict.Class != verdict.Temporary || rep.Verdict.Stop || !strings.Contains(rep.Verdict.Message, "in doubt")) ||
					!hit && rep.Verdict.Class != verdict.OK || w.Late() > 0 {
					t.Errorf("commit %d, applied %v: hit %v, %d late, %+v", k, applied, hit, w.Late(), rep.Verdict)
				}
				if !hit {
					r.ledger = w.Ledger
				}
				first, dir := r.acc, r.dir
				r.acc.Name, r.acc.Login.Username, r.dir = "b", "other", r.dir+"-other"
				r.acc.Policy.Delete = plan.DeleteNever // mustBeDelivered knows no accounts
				r.ok()
				r.wantMail(others...)
				r.acc, r.dir = first, dir
				r.ok()
				if got := mailIn(t, r.dir); count(got) != 8 || len(got) != 8 {
					t.Errorf("policy %d, commit %d, applied %v: %d messages, %d different", policy, k, applied, count(got), len(got))
				}
				if left := len(r.server.Messages("u")); policy == plan.DeleteAfterDelivery && left > 0 {
					t.Errorf("commit %d, applied %v: %d left on the server", k, applied, left)
				}
				if !hit {
					break
				}
				if k > 50 {
					t.Fatal("no end")
				}
			}
		}
	}
}

// What errors of the ledger mean: only what the process cannot get over ends it.
func TestVerdictOfLedger(t *testing.T) {
	for err, stop := range map[error]bool{
		uidl.ErrDoubt: false, uidl.ErrLeaseLost: false, uidl.ErrLocked: false, uidl.ErrFull: false, uidl.ErrBusy: false,
		uidl.ErrUnusable: true, uidl.ErrCorrupt: true, uidl.ErrForeign: true, uidl.ErrNewer: true,
	} {
		v := verdict.Of(fmt.Errorf("acquire account a: %w", err))
		if v.Stop != stop || (v.Class == verdict.Internal) != stop || !stop && (v.Class != verdict.Temporary || v.Hint == "") {
			t.Errorf("%v: %+v", err, v)
		}
	}
	for err, final := range map[error]bool{uidl.ErrDoubt: true, errors.New("a fault of ours"): true, uidl.ErrCorrupt: true} {
		commit := &settle.CommitError{Err: err}
		if v := verdict.Of(commit); verdict.Final(commit) != final || v.Stop == errors.Is(err, uidl.ErrDoubt) {
			t.Errorf("commit: %v: %+v", err, v)
		}
	}
	for _, err := range []error{nil, uidl.ErrLeaseLost, uidl.ErrLocked, context.Canceled} {
		if verdict.Final(err) {
			t.Errorf("%v: nothing may be committed any more", err)
		}
	}
}
