package fetcher

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/delivertest"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/uidl"
)

// lapsing is a ledger whose leases are over when told, while its commits go on: that the pass does nothing more can only
// come from looking.
type lapsing struct {
	uidl.Ledger
	lost chan struct{}
	end  func()
	when func(uidl.Change) bool // ends it after such a commit; nil: none
}

func newLapsing(l uidl.Ledger) *lapsing {
	lost := make(chan struct{})
	return &lapsing{Ledger: l, lost: lost, end: sync.OnceFunc(func() { close(lost) })}
}

func (l *lapsing) Acquire(ctx context.Context, name string) (uidl.Account, error) {
	a, err := l.Ledger.Acquire(ctx, name)
	return &lapsingAccount{a, l}, err
}

type lapsingAccount struct {
	uidl.Account
	l *lapsing
}

func (a *lapsingAccount) Lost() <-chan struct{} { return a.l.lost }

func (a *lapsingAccount) Commit(ctx context.Context, c uidl.Change) error {
	err := a.Account.Commit(ctx, c)
	if a.l.when != nil && a.l.when(c) {
		a.l.end()
	}
	return err
}

// overLease checks the report of a pass whose lease was lost in its midst.
func overLease(t *testing.T, rep Report) {
	t.Helper()
	if rep.Verdict.Class != verdict.Temporary || rep.Verdict.Stop || !strings.Contains(rep.Verdict.Message, "lease") || rep.Verdict.Hint == "" {
		t.Errorf("%+v", rep.Verdict)
	}
}

// Who has lost the lease publishes nothing in a Maildir.
func TestLeaseLostBeforePublishing(t *testing.T) {
	box := mailbox(5)
	r := newRig(t, box...)
	r.acc.Policy.Delete = plan.DeleteAfterDelivery
	r.opt.BatchMessages = 2
	whole, l := r.ledger, newLapsing(r.ledger)
	bodies := 0
	r.reading = func(string) {
		if bodies++; bodies == 1 {
			l.end()
		}
	}
	r.ledger = l
	overLease(t, r.run())
	if n := count(mailIn(t, r.dir)); n != 0 || len(r.server.Messages("u")) != 5 {
		t.Errorf("%d were published, %d are on the server", n, len(r.server.Messages("u")))
	}
	r.ledger, r.reading = whole, nil
	r.ok()
	r.wantMail(box...)
}

// Nor when it recovers what an earlier pass left.
func TestLeaseLostBeforeRecovery(t *testing.T) {
	box := mailbox(3)
	r := newRig(t, box...)
	r.interrupt(2) // 'publishing', and nothing was published
	whole, l := r.ledger, newLapsing(r.ledger)
	l.end()
	r.ledger = l
	overLease(t, r.run())
	if n := count(mailIn(t, r.dir)); n != 0 {
		t.Errorf("%d were published", n)
	}
	r.ledger = whole
	r.ok()
	r.wantMail(box...)
}

// Nor is another message sent than the one on its way.
func TestLeaseLostBeforeSending(t *testing.T) {
	box := mailbox(4)
	r := newRig(t, box...)
	whole, l := r.ledger, newLapsing(r.ledger)
	m := delivertest.NewMemory("remote")
	m.OnPublish = func(deliver.Message) error {
		if len(m.Delivered()) == 1 {
			l.end()
		}
		return nil
	}
	r.ledger = l
	overLease(t, r.run(settle.Destination{Name: "remote", Target: m}))
	if n := len(m.Delivered()); n != 2 {
		t.Errorf("%d were sent, want those two that had begun", n)
	}
	r.ledger, m.OnPublish = whole, nil
	if rep := r.run(settle.Destination{Name: "remote", Target: m.Reopen()}); rep.Verdict.Class != verdict.OK {
		t.Errorf("%+v", rep.Verdict)
	}
	wantRemote(t, m, box...)
}

// Nor is anything deleted, neither what this session delivered nor what an earlier one did.
func TestLeaseLostBeforeDELE(t *testing.T) {
	for _, earlier := range []bool{false, true} {
		box := mailbox(3)
		r := newRig(t, box...)
		if earlier {
			r.ok()
		}
		r.acc.Policy.Delete = plan.DeleteAfterDelivery
		whole, l := r.ledger, newLapsing(r.ledger)
		l.when = func(c uidl.Change) bool { return len(c.Mark) > 0 && c.Mark[0].State == uidl.DeleteSent }
		if earlier {
			l.end()
		}
		r.ledger = l
		overLease(t, r.run())
		if n := len(r.server.Stats().Deleted); n != 0 || len(r.server.Messages("u")) != 3 {
			t.Errorf("earlier %v: %d DELE, %d are on the server", earlier, n, len(r.server.Messages("u")))
		}
		r.ledger = whole
		r.ok()
		r.wantMail(box...)
		if n := len(r.server.Messages("u")); n != 0 {
			t.Errorf("earlier %v: %d are on the server in the end", earlier, n)
		}
	}
}
