package fetcher

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/operator"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/uidl"
)

func (r *rig) undo() (operator.Unmarked, error) {
	return operator.UndoBaseline(context.Background(), r.ledger, "a", r.clock)
}

func (r *rig) mayNotUndo(what string) {
	r.t.Helper()
	before := r.stored()
	var no *operator.NoUndoError
	if u, err := r.undo(); !errors.As(err, &no) {
		r.t.Errorf("%s: %+v, %v", what, u, err)
	}
	if after := r.stored(); after != before {
		r.t.Errorf("%s: refused, and changed:\n%s\nwas\n%s", what, after, before)
	}
}

// A baseline is taken back as long as nothing was fetched: then its mail is new, what was delivered before stays so.
func TestUndoBaseline(t *testing.T) {
	box := mailbox(6)
	r := newRig(t, box[:2]...)
	r.mayNotUndo("none")
	r.ok()
	r.mayNotUndo("none yet")
	r.server.Deliver("u", box[2:5]...)
	if m := r.baseline(); m.Marked != 3 {
		t.Fatalf("%+v", m)
	}
	if m := r.baseline(); m.Marked != 0 { // which takes nothing away from the first
		t.Fatalf("%+v", m)
	}
	for range 2 { // passes that fetch nothing
		if rep := r.ok(); rep.New != 0 {
			t.Fatalf("%+v", rep)
		}
	}
	if u, err := r.undo(); err != nil || u != (operator.Unmarked{New: 3}) {
		t.Fatalf("%+v, %v", u, err)
	}
	r.mayNotUndo("twice")
	if rep := r.ok(); rep.New != 3 {
		t.Errorf("%+v", rep)
	}
	r.wantMail(box[:5]...)

	// After a fetch it stands.
	r.server.Deliver("u", message("x", ""), message("y", ""))
	r.baseline()
	r.server.Deliver("u", box[5])
	r.ok()
	r.mayNotUndo("after a fetch")
	r.wantMail(box...)

	// A later one takes nothing back of an earlier one.
	r.server.Deliver("u", message("z", ""))
	r.baseline()
	if u, err := r.undo(); err != nil || u != (operator.Unmarked{New: 1}) {
		t.Fatalf("%+v, %v", u, err)
	}
	r.ok()
	r.wantMail(append(box, message("z", ""))...)
}

// What a baseline put an end to begins again: mail that was held back as a flood, a ledger in doubt, mail that was held
// back because of it; and a message that may have been delivered before is held back, not fetched.
func TestUndoBaselineOfDoubts(t *testing.T) {
	t.Parallel()
	t.Run("flood", func(t *testing.T) {
		r, _ := used(t, 30, 3)
		r.server.Deliver("u", fresh("flood", 600)...)
		if rep := r.run(); rep.Verdict.Class != verdict.Config {
			t.Fatalf("%+v", rep)
		}
		r.baseline()
		u, err := r.undo()
		if err != nil || u.New != 600 || u.Flood == nil || u.Flood.New != 600 {
			t.Fatalf("%+v, %v", u, err)
		}
		if f := r.remembered(); f.Flood == nil || f.Flood.New != 600 {
			t.Errorf("remembered: %+v", f.Flood)
		}
		if rep := r.run(); rep.Verdict.Class != verdict.Config || rep.New != 0 {
			t.Errorf("%+v", rep)
		}
	})
	t.Run("held back", func(t *testing.T) {
		box := mailbox(6)
		r := newRig(t, box[:5]...)
		r.ok()
		r.empty()
		r.lose()
		if rep := r.run(); rep.Verdict.Class != verdict.Config || rep.Held+rep.Unfetched == 0 {
			t.Fatalf("%+v", rep)
		}
		r.server.Deliver("u", box[5])
		if m := r.baseline(); m.Marked != 6 {
			t.Fatalf("%+v", m)
		}
		if u, err := r.undo(); err != nil || u.New != 1 || u.Held != 5 {
			t.Fatalf("%+v, %v", u, err)
		}
		if rep := r.run(); rep.Verdict.Class != verdict.Config || rep.New != 1 || rep.Held != 5 {
			t.Errorf("%+v", rep)
		}
		r.wantMail(box[5])
	})
	t.Run("in doubt", func(t *testing.T) {
		box := mailbox(5)
		r := newRig(t, box[:3]...)
		r.ok()
		restore := r.backup()
		r.server.Deliver("u", box[3:]...)
		r.ok()
		restore(true)
		l, err := r.ledger.Acquire(context.Background(), "a")
		r.must(err)
		st := l.Info().Status
		st.Facts = health.VerifyMode(st.Facts)
		r.must(l.Commit(context.Background(), uidl.Change{At: 1, Status: &st}))
		r.must(l.Close())
		if m := r.baseline(); m.Marked != 2 {
			t.Fatalf("%+v", m)
		}
		if u, err := r.undo(); err != nil || u.New != 2 || !u.Doubt || !r.remembered().Verify {
			t.Fatalf("%+v, %v", u, err)
		}
		r.ok()
		r.wantMail(box...) // the Maildir shows them: nothing comes twice
	})
	t.Run("a known unique-id", func(t *testing.T) {
		box := mailbox(3)
		r := newRig(t, box...)
		r.ok()
		other := slices.Clone(box)
		other[1].ListSize = int64(len(box[1].Data)) + 5000
		r.server.AddUser("u", "p", other...)
		if m := r.baseline(); m.Marked != 1 {
			t.Fatalf("%+v", m)
		}
		if u, err := r.undo(); err != nil || u != (operator.Unmarked{Held: 1}) {
			t.Fatalf("%+v, %v", u, err)
		}
		if rep := r.run(); rep.New != 0 || rep.Held != 1 {
			t.Errorf("%+v", rep)
		}
		r.wantMail(box...)
	})
}

// Cut short at any commit, it is said again and is whole then.
func TestUndoBaselineInterrupted(t *testing.T) {
	for n := range 3 {
		left := n
		box := mailbox(4)
		r := newRig(t, box...)
		r.baseline()
		whole := r.ledger
		r.ledger = killed{whole, &left}
		_, err := r.undo()
		r.ledger = whole
		if err != nil {
			if _, err := r.undo(); err != nil {
				t.Fatalf("%d commits, then again: %v", n, err)
			}
		}
		r.clock = r.clock.Add(time.Hour)
		if rep := r.ok(); rep.New != 4 {
			t.Errorf("%d commits: %+v", n, rep)
		}
		r.wantMail(box...)
	}
}
