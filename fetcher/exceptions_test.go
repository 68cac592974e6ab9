package fetcher

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/fetcher/desk"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/pop3/pop3test"
)

// heavy is a message of about so many octets.
func heavy(uid string, octets int) pop3test.Message {
	return message(uid, strings.Repeat("x", max(0, octets-60)))
}

func (r *rig) left() (uids []string) {
	for _, m := range r.server.Messages("u") {
		uids = append(uids, m.UID)
	}
	return uids
}

// The newest stay on the server, those among them that are just delivered too; as new mail comes, the others go.
func TestDeleteKeep(t *testing.T) {
	for _, age := range []time.Duration{0, time.Hour} {
		for _, uidl := range []bool{true, false} {
			box := mailbox(10)
			r := newRig(t, box...)
			r.server.Change(func(o *pop3test.Options) { o.NoUIDL = !uidl })
			r.acc.Policy = plan.Policy{Delete: plan.DeleteAfterDelivery, Newest: 3}
			if age > 0 {
				r.acc.Policy.Delete, r.acc.Policy.Age = plan.DeleteAfterAge, age
			}
			r.opt.SessionMessages = 4
			days := func() {
				for range 3 {
					r.ok()
					r.clock = r.clock.Add(50 * time.Hour)
				}
			}
			if rep := r.ok(); age == 0 && (rep.New != 10 || rep.Deleted != 7) {
				t.Errorf("%+v", rep)
			}
			days()
			if got := r.left(); len(got) != 3 || got[0] != "uid00007" {
				t.Errorf("age %v: %q are left", age, got)
			}
			more := []pop3test.Message{message("m1", ""), message("m2", "")}
			r.server.Deliver("u", more...)
			days()
			if got := r.left(); !slices.Equal(got, []string{"uid00009", "m1", "m2"}) {
				t.Errorf("age %v: %q are left", age, got)
			}
			if rep := r.ok(); rep.Kept != 3 || rep.Deleted != 0 {
				t.Errorf("%+v", rep)
			}
			r.wantMail(append(box, more...)...)
		}
	}
}

// What is large goes as soon as it is delivered, and waits for nothing but that; never is never.
func TestDeleteLarger(t *testing.T) {
	for _, uidl := range []bool{true, false} {
		box := []pop3test.Message{heavy("a", 100), heavy("b", 3000), heavy("c", 900), heavy("d", 5000)}
		r := newRig(t, box...)
		r.server.Change(func(o *pop3test.Options) { o.NoUIDL = !uidl })
		r.acc.Policy = plan.Policy{Delete: plan.DeleteAfterAge, Age: 30 * 24 * time.Hour, Larger: 1000}
		if rep := r.ok(); rep.New != 4 || rep.Deleted != 2 || rep.Kept != 2 {
			t.Errorf("%+v", rep)
		}
		if got := r.left(); !slices.Equal(got, []string{"a", "c"}) {
			t.Errorf("%q are left", got)
		}
		r.acc.Policy.Larger = 500 // those that were delivered before go, too
		if rep := r.ok(); rep.Deleted != 1 {
			t.Errorf("%+v", rep)
		}
		r.acc.Policy = plan.Policy{Larger: 10}
		r.clock = r.clock.Add(90 * 24 * time.Hour)
		if rep := r.ok(); rep.Deleted != 0 || rep.Kept != 1 {
			t.Errorf("%+v", rep)
		}
		r.wantMail(box...)
	}
}

// A large message that is not delivered stays, however often it is tried; and so does what a baseline marked.
func TestDeleteLargerNeedsDelivery(t *testing.T) {
	box := []pop3test.Message{heavy("a", 100), heavy("b", 3000)}
	r := newRig(t, box...)
	r.acc.Policy = plan.Policy{Delete: plan.DeleteAfterAge, Age: 30 * 24 * time.Hour, Larger: 1000, MaxSize: 2000}
	for range 3 {
		if rep := r.ok(); rep.Deleted != 0 || rep.Skipped != 1 {
			t.Errorf("%+v", rep)
		}
		r.clock = r.clock.Add(24 * time.Hour)
	}
	r.acc.Policy.MaxSize = 0
	r.baseline()
	if rep := r.ok(); rep.Deleted != 0 || rep.New != 0 {
		t.Errorf("%+v", rep)
	}
	if got := r.left(); len(got) != 2 {
		t.Errorf("%q are left", got)
	}
}

// A pass fetches so many octets and not more, but always one message, and goes on where the last one ended. It is no failure.
func TestLimitSize(t *testing.T) {
	for _, how := range []string{"", "one at a time", "no sizes", "dry"} {
		t.Run(how, func(t *testing.T) {
			box := []pop3test.Message{heavy("a", 400), heavy("b", 400), heavy("c", 3000), heavy("d", 100), heavy("e", 100), heavy("f", 100)}
			r := newRig(t, box...)
			r.acc.Policy.LimitSize = 900
			r.server.Change(func(o *pop3test.Options) { o.NoPipelining = how == "one at a time" })
			if how == "no sizes" {
				for i := range box {
					box[i].ListSize = 1
				}
				r.server.AddUser("u", "p", box...)
				r.acc.IgnoreSizes = true
				r.acc.Server.NoPipelining = true
			}
			for i, want := range []int{2, 1, 3, 0} {
				if how == "no sizes" {
					want = []int{3, 3, 0, 0}[i]
				}
				if how == "dry" {
					r.opt.DryRun = true
					n := 0
					for s := range r.ok().Steps.All() {
						n += desk.Count(s.Action == "fetch")
					}
					if n != want {
						t.Errorf("pass %d would fetch %d, want %d", i, n, want)
					}
					r.opt.DryRun = false
				}
				rep := r.ok()
				if rep.New != want || rep.Planned != want && how != "no sizes" {
					t.Errorf("pass %d: %d came of %d planned, want %d", i, rep.New, rep.Planned, want)
				}
				if told := saysNote(rep, "limit_size is reached"); told != (i < 2 && how != "no sizes" || i < 1) {
					t.Errorf("pass %d: %q", i, rep.Notes)
				}
			}
			r.wantMail(box...)
		})
	}
}

// What a connection that broke did not bring is not counted, and the next session of the pass goes on within the same limit.
func TestLimitSizeAcrossSessions(t *testing.T) {
	var box []pop3test.Message
	for i := range 12 {
		box = append(box, heavy(fmt.Sprintf("uid%02d", i), 400))
	}
	r := newRig(t, box...)
	r.acc.Policy.LimitSize = 2200 // five of them
	r.opt.BatchMessages = 1
	n := 0
	r.server.Change(func(o *pop3test.Options) {
		o.OnCommand = func(_ *pop3test.Session, verb, _ string) *pop3test.Reply {
			if n += desk.Count(verb == "RETR"); n == 4 && verb == "RETR" {
				return &pop3test.Reply{Close: true}
			}
			return nil
		}
	})
	if rep := r.ok(); rep.New != 5 {
		t.Errorf("%+v", rep)
	}
	if rep := r.ok(); rep.New != 5 {
		t.Errorf("%+v", rep)
	}
	r.ok()
	r.wantMail(box...)
}

// Wherever a pass is killed, what policy excepts stays excepted.
func TestExceptionsKilled(t *testing.T) {
	for at := 1; ; at++ {
		box := []pop3test.Message{heavy("a", 3000), heavy("b", 100), heavy("c", 3000), heavy("d", 100), heavy("e", 3000)}
		r := newRig(t, box...)
		r.acc.Policy = plan.Policy{Delete: plan.DeleteAfterAge, Age: 30 * 24 * time.Hour, Larger: 1000, Newest: 2, LimitSize: 3500}
		r.opt.BatchMessages = 1
		left := at
		a := r.acc
		a.Destinations = []settle.Destination{{Name: "maildir", Target: r.maildir()}}
		Run(context.Background(), killed{r.ledger, &left}, a, r.opt)
		for range 5 {
			if rep := r.run(); rep.Verdict.Class != verdict.OK {
				t.Errorf("%+v", rep)
			}
			r.clock = r.clock.Add(time.Hour)
		}
		if got := r.left(); !slices.Equal(got, []string{"b", "d", "e"}) {
			t.Errorf("killed after %d commits: %q are left", at, got)
		}
		r.cameOnce(box...)
		if left >= 0 {
			return
		}
	}
}
