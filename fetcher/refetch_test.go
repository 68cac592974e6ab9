package fetcher

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/fetcher/operator"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/uidl"
)

func (r *rig) tryRefetch(uids ...string) (Refetched, error) {
	a := r.acc
	a.Destinations = []settle.Destination{{Name: "maildir", Target: r.maildir()}}
	return Refetch(context.Background(), r.ledger, a, uids, r.clock)
}

func (r *rig) refetch(n int, uids ...string) Refetched {
	r.t.Helper()
	got, err := r.tryRefetch(uids...)
	if err != nil || got.Messages != n {
		r.t.Fatalf("refetch: %+v, %v; want %d", got, err, n)
	}
	return got
}

// empty takes all mail out of the Maildir, as its reader may.
func (r *rig) empty() {
	r.t.Helper()
	for _, sub := range []string{"new", "cur"} {
		files, err := filepath.Glob(filepath.Join(r.dir, sub, "*"))
		r.must(err)
		for _, f := range files {
			r.must(os.Remove(f))
		}
	}
}

// change commits something behind the passes' back.
func (r *rig) change(c uidl.Change) {
	r.t.Helper()
	l, err := r.ledger.Acquire(context.Background(), "a")
	r.must(err)
	defer l.Close()
	c.At = r.clock.Unix()
	r.must(l.Commit(context.Background(), c))
}

// What is asked for comes again, once, and nothing else does: also where the listing is as it was, with TOP and without.
func TestRefetch(t *testing.T) {
	for _, top := range []bool{true, false} {
		box := mailbox(10)
		r := newRig(t, box...)
		r.server.Change(func(o *pop3test.Options) { o.NoTOP = !top })
		r.ok()
		r.ok()
		if r.remembered().Unchanged == nil {
			t.Fatal("the listing is not remembered: nothing is tested")
		}
		r.empty()
		r.refetch(3, box[1].UID, box[7].UID, box[3].UID, box[7].UID)
		if got := r.refetch(1, box[3].UID); len(got.Left) != 0 {
			t.Errorf("said twice: %+v", got)
		}
		before := r.retrieved()
		if rep := r.ok(); rep.New != 3 || rep.Kept != 10 || r.retrieved() != before+3 {
			t.Errorf("TOP %v: %+v, %d retrieved", top, rep, r.retrieved()-before)
		}
		r.wantMail(box[1], box[3], box[7])
		for range 2 {
			if rep := r.ok(); rep.New != 0 || rep.Kept != 10 {
				t.Errorf("TOP %v, afterwards: %+v", top, rep)
			}
		}
		r.refetch(10)
		if rep := r.ok(); rep.New != 10 {
			t.Errorf("TOP %v, all: %+v", top, rep)
		}
		r.wantMail(append(mailbox(10), box[1], box[3], box[7])...) // the Maildir had three of them still
		if rep := r.ok(); rep.New != 0 {
			t.Errorf("TOP %v, at last: %+v", top, rep)
		}
	}
}

// A message that is asked for again is not deleted before it was delivered again, whatever policy says by now.
func TestRefetchBeforeDelete(t *testing.T) {
	for _, policy := range []plan.Policy{{Delete: plan.DeleteAfterDelivery}, {Delete: plan.DeleteAfterAge, Age: time.Hour}} {
		box := mailbox(5)
		r := newRig(t, box...)
		r.ok()
		r.clock = r.clock.Add(50 * time.Hour)
		r.ok()
		r.empty()
		r.refetch(5)
		r.acc.Policy = policy
		r.clock = r.clock.Add(50 * time.Hour)
		r.run(to("maildir", unpublished{r.maildir(), &deliver.Error{Op: "publish", Scope: deliver.WholeTarget, Err: errors.New("input/output error")}}))
		if left := len(r.server.Messages("u")); left != 5 {
			t.Fatalf("%v: %d are left on the server, and no destination has them", policy, left)
		}
		for range 3 {
			r.clock = r.clock.Add(50 * time.Hour)
			r.run()
		}
		r.wantMail(box...)
		if left := len(r.server.Messages("u")); left != 0 {
			t.Errorf("%v: %d are left on the server in the end", policy, left)
		}
	}
}

// Every destination gets it again, once: the relay too.
func TestRefetchEverywhere(t *testing.T) {
	box := mailbox(4)
	r := newRig(t, box...)
	sent := &relay{arrived: map[string]int{}}
	pass := func() report.Report { return r.with(to("relay", r.up("relay", "x:25", sent))) }
	if rep := pass(); rep.New != 4 {
		t.Fatalf("%+v", rep)
	}
	r.refetch(2, box[0].UID, box[1].UID)
	if rep := pass(); rep.New != 2 || rep.Verdict.Class != verdict.OK {
		t.Errorf("%+v", rep)
	}
	if rep := pass(); rep.New != 0 {
		t.Errorf("%+v", rep)
	}
	want := map[string]int{box[0].UID: 2, box[1].UID: 2, box[2].UID: 1, box[3].UID: 1}
	if !reflect.DeepEqual(sent.arrived, want) {
		t.Errorf("the relay got %v, want %v", sent.arrived, want)
	}
	r.wantMail(append(box, box[0], box[1])...)
}

// What cannot be fetched again is refused by name, all or nothing; of all, it is left as it is.
func TestRefetchRefuses(t *testing.T) {
	box := mailbox(9)
	r := newRig(t, box...)
	r.ok()
	mark := func(i int, s uidl.State) uidl.Mark {
		return uidl.Mark{Key: uidl.Key{UID: box[i].UID}, State: s, NextTry: r.clock.Add(time.Hour).Unix()}
	}
	seen := uidl.Message{Row: uidl.Row{Key: uidl.Key{UID: box[7].UID}, State: uidl.Delivered, Size: 1, Facts: uidl.Facts{Have: uidl.Seen}}}
	r.change(uidl.Change{
		Put:          []uidl.Message{seen, {Row: uidl.Row{Key: uidl.Key{UID: plan.ContentName + "x"}, State: uidl.Delivered, Facts: uidl.Facts{Have: 16}}}},
		Mark:         []uidl.Mark{mark(0, uidl.Parked), mark(1, uidl.Skipped), mark(2, uidl.Held), mark(3, uidl.DeleteSent), mark(4, uidl.Wanted)},
		Gone:         []uidl.Key{{UID: box[5].UID}},
		Destinations: []uidl.Destination{{Ordinal: 3, Name: "relay", Identity: "x"}},
		Stage:        []uidl.Delivery{{Key: uidl.Key{UID: box[6].UID}, Destination: "relay", State: uidl.Staged, Ticket: "t"}},
	})
	before := r.stored()
	why := map[string]string{
		box[0].UID: leftParked, box[1].UID: leftSkipped, box[2].UID: leftHeld, box[3].UID: leftDeleted, box[4].UID: leftWanted,
		box[5].UID: leftGone, box[6].UID: leftOpen, plan.ContentName + "x": leftNamed, "nobody": leftUnknown,
	}
	for uid, want := range why {
		_, err := r.tryRefetch(box[8].UID, uid)
		var refused *RefetchError
		if !errors.As(err, &refused) || len(refused.Refused) != 1 || refused.Refused[0] != (RefusedUID{uid, want}) {
			t.Errorf("%s: %v, want %q", uid, err, want)
		}
	}
	if after := r.stored(); after != before {
		t.Errorf("changed by what was refused:\n%s\nwas\n%s", after, before)
	}
	got := r.refetch(1)
	want := map[string]int{leftParked: 1, leftSkipped: 1, leftHeld: 1, leftDeleted: 1, leftWanted: 1, leftOpen: 1, leftSeen: 1, leftNamed: 1}
	if !reflect.DeepEqual(got.Left, want) {
		t.Errorf("left %v, want %v", got.Left, want)
	}
	r.refetch(1, box[7].UID) // what was only seen can be named
}

// As many as a person asks for are no flood, and hide none.
func TestRefetchIsNoFlood(t *testing.T) {
	t.Parallel()
	r, box := used(t, 30, 3)
	more := fresh("first", 800)
	r.server.Deliver("u", more...)
	r.run()
	if _, _, err := operator.Accept(context.Background(), r.ledger, "a", r.clock); err != nil {
		t.Fatal(err)
	}
	r.ok()
	all := len(*box) + 800
	arrivals := len(r.remembered().Arrivals)
	r.empty()
	r.refetch(all)
	r.opt.SessionMessages = 300
	if rep := r.ok(); rep.New != all {
		t.Fatalf("%+v", rep)
	}
	if f := r.remembered(); len(f.Arrivals) != arrivals || f.Backlog != 0 || f.Flood != nil {
		t.Errorf("%d arrivals, were %d; backlog %d, flood %v", len(f.Arrivals), arrivals, f.Backlog, f.Flood)
	}
	// What is not fetched yet stays counted beside it.
	var some []string
	for _, m := range more[:300] {
		some = append(some, m.UID)
	}
	r.refetch(300, some...)
	r.server.Deliver("u", fresh("beside", 400)...)
	r.opt.Sessions = 1
	if rep := r.run(); rep.New != 300 || r.remembered().Backlog != 400 {
		t.Errorf("%d new, backlog %d", rep.New, r.remembered().Backlog)
	}
	r.opt.Sessions = 0
	r.ok()
	all += 400
	r.refetch(all)
	r.server.Deliver("u", fresh("second", 600)...)
	rep := r.run()
	if rep.Verdict.Class != verdict.Config || !strings.Contains(rep.Verdict.Message, "600 new messages") {
		t.Errorf("a flood beside it: %+v", rep.Verdict)
	}
	if got := r.refetch(all); got.Flood == nil || got.Flood.New != 600 {
		t.Errorf("it is not told: %+v", got)
	}
}

// One that is asked for again is not taken for an equal one that left the listing.
func TestRefetchIsNoOther(t *testing.T) {
	for _, top := range []bool{true, false} {
		box := mailbox(30)
		twin := box[3]
		twin.UID = "twin"
		r := newRig(t, append(box, twin)...)
		r.server.Change(func(o *pop3test.Options) { o.NoTOP = !top })
		r.ok()
		more := message("more", "x")
		r.server.AddUser("u", "p", append(box, more)...) // the twin leaves, and another one comes
		r.empty()
		r.refetch(1, box[3].UID)
		if rep := r.ok(); rep.New != 2 || rep.Adopted != 0 {
			t.Errorf("TOP %v: %+v", top, rep)
		}
		r.wantMail(box[3], more)
	}
}

// An older ledger does not know what it lacks: what is asked for again then would be taken for delivered, or held back.
func TestRefetchOfAnOlderLedger(t *testing.T) {
	for _, leases := range []bool{true, false} {
		t.Run(fmt.Sprint("leases ", leases), func(t *testing.T) {
			box := mailbox(4)
			r := newRig(t, box[:2]...)
			r.ok()
			restore := r.backup()
			r.server.Deliver("u", box[2:]...)
			r.ok()
			restore(leases)
			if got, err := r.tryRefetch(box[0].UID); !errors.Is(err, ErrDoubt) {
				t.Errorf("before a run looked: %+v, %v", got, err)
			}
			r.ok()
			r.wantMail(box...)
			r.empty()
			r.refetch(4)
			if rep := r.ok(); rep.New != 4 {
				t.Errorf("%+v", rep)
			}
			r.wantMail(box...)
		})
	}
}

// backup copies the ledger; what it returns puts the copy back, with or without what the leases keep beside it.
func (r *rig) backup() (restore func(leases bool)) {
	r.t.Helper()
	file, err := os.Create(filepath.Join(r.t.TempDir(), "backup"))
	r.must(err)
	defer file.Close()
	_, err = r.ledger.(uidl.Backuper).Backup(context.Background(), file)
	r.must(err)
	return func(leases bool) {
		r.t.Helper()
		r.must(r.ledger.Close())
		for _, name := range []string{"ledger.db", "ledger.db-wal", "ledger.db-shm"} {
			if err := os.Remove(filepath.Join(r.state, name)); err != nil && !os.IsNotExist(err) {
				r.t.Fatal(err)
			}
		}
		if !leases {
			r.must(os.RemoveAll(filepath.Join(r.state, "lease")))
		}
		b, err := os.ReadFile(file.Name())
		r.must(err)
		r.must(os.WriteFile(filepath.Join(r.state, "ledger.db"), b, 0o600))
		r.open()
	}
}
