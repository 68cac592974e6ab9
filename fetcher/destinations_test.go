package fetcher

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/delivertest"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/uidl"
	"github.com/popsync/popsync/uidl/uidltest"
)

// pair runs a pass into the rig's Maildir and a remote destination in memory.
func (r *rig) pair(m *delivertest.Memory) report.Report {
	r.t.Helper()
	return r.run(settle.Destination{Name: "maildir", Target: r.maildir()}, settle.Destination{Name: "remote", Target: m.Reopen()})
}

// wantRemote checks that the remote has each message exactly once.
func wantRemote(t *testing.T, m *delivertest.Memory, messages ...pop3test.Message) {
	t.Helper()
	got := map[string]int{}
	for _, d := range m.Delivered() {
		got[d.Message.UID]++
	}
	for _, msg := range messages {
		if got[msg.UID] != 1 {
			t.Errorf("remote has %q %d times", msg.UID, got[msg.UID])
		}
		delete(got, msg.UID)
	}
	if len(got) > 0 {
		t.Errorf("remote has too much: %v", got)
	}
}

func (r *rig) retrieved() int { return r.server.Stats().Commands["RETR"] }

func TestTwoDestinations(t *testing.T) {
	box := mailbox(20)
	r := newRig(t, box...)
	r.acc.Policy.Delete = plan.DeleteAfterDelivery
	r.opt.BatchMessages = 6
	m := delivertest.NewMemory("remote")
	if rep := r.pair(m); rep.Verdict.Class != verdict.OK || rep.New != 20 || rep.Deleted != 20 {
		t.Errorf("%+v", rep)
	}
	r.wantMail(box...)
	wantRemote(t, m, box...)
}

// A remote that is down for days costs one RETR per message, starves nobody, and gets exactly what it missed.
func TestRemoteDown(t *testing.T) {
	box := mailbox(10)
	r := newRig(t, box...)
	r.acc.Policy.Delete = plan.DeleteAfterDelivery
	m := delivertest.NewMemory("remote")
	m.OnPublish = func(deliver.Message) error {
		return &deliver.Error{Op: "connect", Scope: deliver.WholeTarget, Err: errors.New("connection refused")}
	}
	for range 3 {
		if rep := r.pair(m); rep.Verdict.Class != verdict.Temporary || rep.New != 0 || rep.Deleted != 0 {
			t.Errorf("%+v", rep)
		}
		r.clock = r.clock.Add(24 * time.Hour)
	}
	r.wantMail(box...)
	if n := m.Calls("Publish"); n != 3 {
		t.Errorf("a remote that is down was asked %d times in 3 passes", n)
	}
	m.OnPublish = nil
	if rep := r.pair(m); rep.Verdict.Class != verdict.OK || rep.Recovered != 10 || rep.Deleted != 10 {
		t.Errorf("%+v", rep)
	}
	wantRemote(t, m, box...)
	r.wantMail(box...)
	if r.retrieved() != 10 {
		t.Errorf("%d RETRs", r.retrieved())
	}
}

// A remote that refuses one message for good parks that delivery; the others and the Maildir go on.
func TestRemoteRefusesOne(t *testing.T) {
	box := mailbox(10)
	r := newRig(t, box...)
	r.acc.Policy.Delete = plan.DeleteAfterDelivery
	m := delivertest.NewMemory("remote")
	m.OnPublish = func(d deliver.Message) error {
		if d.UID == box[4].UID {
			return &deliver.Error{Op: "send", Scope: deliver.ThisMessage, Permanent: true, Err: errors.New("550 spam")}
		}
		return nil
	}
	if rep := r.pair(m); rep.New != 9 || rep.Deleted != 9 {
		t.Errorf("%+v", rep)
	}
	r.wantMail(box...)
	wantRemote(t, m, append(slices.Clone(box[:4]), box[5:]...)...)
	if left := r.server.Messages("u"); len(left) != 1 {
		t.Errorf("%d left on the server", len(left))
	}
	m.OnPublish = nil
	r.clock = r.clock.Add(2 * time.Hour)
	if rep := r.pair(m); rep.Deleted != 1 {
		t.Errorf("%+v", rep)
	}
	wantRemote(t, m, box...)
}

// Endings in doubt are bounded: at the third the delivery waits a day.
func TestRemoteInDoubt(t *testing.T) {
	box := mailbox(1)
	r := newRig(t, box...)
	m := delivertest.NewMemory("remote")
	m.OnPublish = func(deliver.Message) error {
		return &deliver.Error{Op: "send", Scope: deliver.WholeTarget, Uncertain: true, Err: errors.New("no answer")}
	}
	for range 10 {
		r.pair(m)
	}
	if n := m.Calls("Publish"); n != 3 {
		t.Errorf("sent %d times", n)
	}
	r.clock = r.clock.Add(25 * time.Hour)
	r.pair(m)
	if n := m.Calls("Publish"); n != 4 {
		t.Errorf("sent %d times after a day", n)
	}
}

// A destination that cannot stage one message owes it; it is fetched again for that destination alone.
func TestOwed(t *testing.T) {
	box := mailbox(5)
	r := newRig(t, box...)
	m := delivertest.NewMemory("remote")
	failed := false
	m.OnWrite = func(d deliver.Message, _ []byte) error {
		if d.UID == box[2].UID && !failed {
			failed = true
			return &deliver.Error{Op: "write", Scope: deliver.ThisMessage, Err: errors.New("hiccup")}
		}
		return nil
	}
	if rep := r.pair(m); rep.New != 4 {
		t.Errorf("%+v", rep)
	}
	if rep := r.pair(m); rep.New != 1 || rep.Verdict.Class != verdict.OK {
		t.Errorf("%+v", rep)
	}
	r.wantMail(box...)
	wantRemote(t, m, box...)
	if r.retrieved() != 6 {
		t.Errorf("%d RETRs", r.retrieved())
	}
}

// damaged makes Publish find damaged bytes once.
type damaged struct {
	deliver.Target
	discarded []deliver.Ticket
	ledger    func() int // open deliveries that still name a ticket
	t         *testing.T
}

func (d *damaged) Publish(ctx context.Context, tickets []deliver.Ticket) []error {
	errs := make([]error, len(tickets))
	for i := range errs {
		errs[i] = deliver.ErrDamaged
	}
	return errs
}

func (d *damaged) Discard(tickets []deliver.Ticket) error {
	if n := d.ledger(); n > 0 && len(tickets) > 0 {
		d.t.Errorf("bytes are discarded while the ledger still holds %d tickets", n)
	}
	d.discarded = append(d.discarded, tickets...)
	return d.Target.Discard(tickets)
}

// Damaged bytes: the row goes back first, then the bytes are discarded, then the message is fetched again.
func TestDamaged(t *testing.T) {
	box := mailbox(3)
	r := newRig(t, box...)
	r.interrupt(2)
	bad := &damaged{Target: r.maildir(), t: t}
	bad.ledger = r.tickets
	r.server.Change(func(o *pop3test.Options) {
		o.OnCommand = func(*pop3test.Session, string, string) *pop3test.Reply {
			return &pop3test.Reply{Raw: []byte("-ERR not now\r\n")}
		}
	})
	r.run(settle.Destination{Name: "maildir", Target: bad})
	if len(bad.discarded) != 3 {
		t.Errorf("%d tickets discarded", len(bad.discarded))
	}
	r.server.Change(func(o *pop3test.Options) { o.OnCommand = nil })
	r.clock = r.clock.Add(time.Hour) // the login was refused
	if rep := r.ok(); rep.New != 3 {
		t.Errorf("%+v", rep)
	}
	r.wantMail(box...)
}

// interrupt makes a pass whose k-th commit fails without having been applied or with; the ledger is opened anew.
func (r *rig) interrupt(k int) *uidltest.Faulty {
	return r.faulty(uidltest.Fault{Commit: k, Applied: true})
}

func (r *rig) faulty(f uidltest.Fault) *uidltest.Faulty {
	r.t.Helper()
	w := uidltest.NewFaulty(r.ledger, f)
	r.ledger = w
	rep := r.run()
	if w.Hit() && (rep.Verdict.Stop || rep.Verdict.Class == verdict.OK || w.Late() > 0) {
		r.t.Errorf("%+v: %d commits after one in doubt, %+v", f, w.Late(), rep.Verdict)
	}
	if err := w.Close(); err != nil {
		r.t.Error(err)
	}
	r.open()
	return w
}

// tickets counts rows of deliveries that name a ticket.
func (r *rig) tickets() int {
	var n int
	db := r.sql()
	defer db.Close()
	if err := db.QueryRow(`SELECT count(*) FROM delivery WHERE ticket <> ''`).Scan(&n); err != nil {
		r.t.Error(err)
	}
	return n
}

// A commit that fails, applied or not, at every place of a pass: nothing lost, nothing twice, nothing deleted early.
func TestCommitInDoubt(t *testing.T) {
	for _, policy := range []plan.Delete{plan.DeleteNever, plan.DeleteAfterDelivery} {
		for _, applied := range []bool{false, true} {
			for k := 1; ; k++ {
				box := mailbox(10)
				r := newRig(t, box...)
				r.acc.Policy.Delete = policy
				r.opt.BatchMessages = 3
				w := r.faulty(uidltest.Fault{Commit: k, Applied: applied})
				if w.Late() > 0 {
					t.Errorf("commit %d: %d commits after it", k, w.Late())
				}
				if rep := r.run(); rep.Verdict.Class != verdict.OK {
					t.Errorf("commit %d, applied %v: next pass: %+v %v", k, applied, rep.Verdict, rep.Err)
				}
				got := mailIn(t, r.dir)
				if n := count(got); n != 10 || len(got) != 10 {
					t.Errorf("policy %d, commit %d, applied %v: %d messages, %d different", policy, k, applied, n, len(got))
				}
				if left := len(r.server.Messages("u")); policy == plan.DeleteAfterDelivery && left > 0 {
					t.Errorf("commit %d, applied %v: %d left on the server", k, applied, left)
				}
				if !w.Hit() {
					t.Logf("policy %d, applied %v: %d commits", policy, applied, k-1)
					break
				}
				if k > 50 {
					t.Fatal("no end")
				}
			}
		}
	}
}

// A ledger that is locked or a lease that was lost: nothing was applied, so the pass just ends.
func TestNothingApplied(t *testing.T) {
	for _, cause := range []error{uidl.ErrLocked, uidl.ErrLeaseLost} {
		for k := 1; k <= 4; k++ {
			t.Run(fmt.Sprintf("%v at %d", cause, k), func(t *testing.T) {
				box := mailbox(6)
				r := newRig(t, box...)
				r.opt.BatchMessages = 3
				w := uidltest.NewFaulty(r.ledger, uidltest.Fault{Commit: k, Err: cause})
				r.ledger = w
				rep := r.run()
				if !w.Hit() || rep.Verdict.Class != verdict.Temporary || rep.Verdict.Stop {
					t.Errorf("%+v", rep.Verdict)
				}
				w.Close()
				r.open()
				r.ok()
				if got := mailIn(t, r.dir); count(got) != 6 || len(got) != 6 {
					t.Errorf("%d messages, %d different", count(got), len(got))
				}
			})
		}
	}
}

func TestRemovedDestination(t *testing.T) {
	box := mailbox(2)
	r := newRig(t, box...)
	m := delivertest.NewMemory("remote")
	m.OnPublish = func(deliver.Message) error { return &deliver.Error{Op: "send", Scope: deliver.WholeTarget} }
	r.pair(m)
	rep := r.run()
	if rep.Pending != 2 || r.retrieved() != 2 || rep.Verdict.Class != verdict.Config {
		t.Errorf("%+v, %d RETRs", rep, r.retrieved())
	}
	r.wantMail(box...)
}

func TestVerdictText(t *testing.T) {
	v := verdict.Verdict{Class: verdict.Temporary, Message: "m", Hint: "h"}
	if got := v.Text(); !strings.Contains(got, "m") || !strings.Contains(got, "h") {
		t.Error(got)
	}
}
