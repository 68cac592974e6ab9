package fetcher

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/uidl"
)

func (r *rig) baseline() Marked {
	r.t.Helper()
	a := r.acc
	a.Destinations = []settle.Destination{{Name: "maildir", Target: r.maildir()}}
	m, err := Baseline(context.Background(), r.ledger, a, r.opt, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	return m
}

// What is marked as seen is neither fetched nor deleted, whatever the policy; what comes later is both.
func TestBaseline(t *testing.T) {
	for _, top := range []bool{true, false} {
		box := mailbox(700)
		r := newRig(t, box...)
		r.server.Change(func(o *pop3test.Options) { o.NoTOP = !top })
		m := r.baseline()
		want := Marked{Listed: 700, Marked: 700}
		if top {
			want.Headers = 700
		}
		if m != want {
			t.Errorf("TOP %v: %+v", top, m)
		}
		if m := r.baseline(); m.Marked != 0 || m.Known != 700 {
			t.Errorf("again: %+v", m)
		}
		if st := r.server.Stats(); st.Commands["RETR"] != 0 || st.Commands["DELE"] != 0 {
			t.Errorf("commands %v", st.Commands)
		}
		more := message("more", "x")
		r.server.Deliver("u", more)
		for _, p := range []plan.Policy{{Delete: plan.DeleteAfterDelivery}, {Delete: plan.DeleteAfterAge, Age: time.Hour}} {
			r.acc.Policy = p
			r.clock = r.clock.Add(50 * time.Hour)
			r.ok()
		}
		r.wantMail(more)
		if left := r.server.Messages("u"); len(left) != 700 {
			t.Errorf("TOP %v: %d left on the server", top, len(left))
		}
		if !top {
			continue
		}
		// They stay so when all unique-ids change, and when one is questioned.
		moved := renamed("x", box)
		moved[5].ListSize = 999
		r.server.AddUser("u", "p", moved...)
		if rep := r.ok(); rep.New != 0 || rep.Adopted != 700 {
			t.Errorf("%+v", rep)
		}
		moved[5].ListSize = 0
		r.server.AddUser("u", "p", moved...)
		for range 2 {
			if rep := r.ok(); rep.New != 0 || rep.Deleted != 0 {
				t.Errorf("%+v", rep)
			}
		}
		r.wantMail(more)
	}
}

// What failed, is parked, too large or in question counts as seen too; what is on its way is left alone.
func TestBaselineTakesEverything(t *testing.T) {
	box := mailbox(6)
	r := newRig(t, box...)
	ctx := context.Background()
	l, err := r.ledger.Acquire(ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	row := func(i int, s uidl.State) uidl.Message {
		return uidl.Message{Row: uidl.Row{Key: uidl.Key{UID: box[i].UID}, State: s, Size: 1, NextTry: 1 << 31, Attempts: 3}}
	}
	pending := row(4, uidl.Wanted)
	err = l.Commit(ctx, uidl.Change{At: 1, Put: []uidl.Message{row(1, uidl.Parked), row(2, uidl.Skipped), pending},
		Destinations: []uidl.Destination{{Name: "other", Identity: "x"}},
		Stage:        []uidl.Delivery{{Key: pending.Key, Destination: "other", State: uidl.Owed}}})
	if err := errors.Join(err, l.Close()); err != nil {
		t.Fatal(err)
	}
	r.acc.Policy = plan.Policy{MaxSize: 20}
	if m := r.baseline(); m != (Marked{Listed: 6, Marked: 5, Pending: 1, Headers: 5}) {
		t.Errorf("%+v", m)
	}
	r.acc.Policy = plan.Policy{}
	if rep := r.run(); rep.New != 0 || rep.Parked != 0 || rep.Kept != 5 || !strings.Contains(rep.Verdict.Message, "destination other") {
		t.Errorf("%+v", rep)
	}
}

// A server that is lost at the headers is not needed any more: everything is marked all the same.
func TestBaselineWithoutAllHeaders(t *testing.T) {
	r := newRig(t, mailbox(50)...)
	n := 0
	r.server.Change(func(o *pop3test.Options) {
		o.OnCommand = func(_ *pop3test.Session, verb, _ string) *pop3test.Reply {
			if verb == "TOP" {
				n++
			}
			if n == 30 {
				return &pop3test.Reply{Close: true}
			}
			return nil
		}
	})
	if m := r.baseline(); m.Marked != 50 || m.Headers >= 50 {
		t.Errorf("%+v", m)
	}
	r.server.Change(func(o *pop3test.Options) { o.OnCommand = nil })
	if rep := r.ok(); rep.New != 0 || rep.Kept != 50 {
		t.Errorf("%+v", rep)
	}
}

// A flood that is marked as seen is none any more.
func TestBaselineEndsFlood(t *testing.T) {
	t.Parallel()
	r, box := used(t, 30, 3)
	r.server.Deliver("u", fresh("flood", 600)...)
	r.run()
	if m := r.baseline(); m.Marked != 600 {
		t.Errorf("%+v", m)
	}
	if rep := r.ok(); rep.New != 0 {
		t.Errorf("%+v", rep)
	}
	r.wantMail(*box...)
}
