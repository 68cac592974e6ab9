package fetcher

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/fetcher/operator"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/pop3/pop3test"
)

// knowing chooses the messages with these unique-ids.
func knowing(uids ...string) Chooser {
	return func(listed, unknown iter.Seq[string]) (func(string) bool, error) {
		return func(uid string) bool { return slices.Contains(uids, uid) }, nil
	}
}

func (r *rig) mark(choose Chooser) (Marked, error) {
	a := r.acc
	a.Destinations = []settle.Destination{{Name: "maildir", Target: r.maildir()}}
	return Baseline(context.Background(), r.ledger, a, r.opt, choose)
}

func (r *rig) marks(want Marked, choose Chooser) {
	r.t.Helper()
	if m, err := r.mark(choose); err != nil || m != want {
		r.t.Fatalf("%+v, %v; want %+v", m, err, want)
	}
}

// What is chosen is neither fetched nor deleted, whatever the policy, also under new unique-ids; the rest is fetched.
func TestBaselineChosen(t *testing.T) {
	box := mailbox(6)
	r := newRig(t, box...)
	r.marks(Marked{Listed: 6, Marked: 2, Left: 4, Headers: 2}, knowing(box[1].UID, box[4].UID, "nobody's"))
	if st := r.server.Stats(); st.Commands["RETR"] != 0 || st.Commands["DELE"] != 0 {
		t.Errorf("commands %v", st.Commands)
	}
	r.acc.Policy = plan.Policy{Delete: plan.DeleteAfterDelivery}
	if rep := r.ok(); rep.New != 4 {
		t.Errorf("%+v", rep)
	}
	rest := []pop3test.Message{box[0], box[2], box[3], box[5]}
	r.wantMail(rest...)
	r.server.AddUser("u", "p", renamed("x", []pop3test.Message{box[1], box[4]})...)
	r.clock = r.clock.Add(50 * time.Hour)
	if rep := r.ok(); rep.New != 0 || rep.Deleted != 0 || rep.Adopted != 2 {
		t.Errorf("%+v", rep)
	}
	r.wantMail(rest...)
}

// The chooser is told what is listed, and what of it is new; its error ends it all, and nothing is marked.
func TestBaselineChooser(t *testing.T) {
	box := mailbox(4)
	r := newRig(t, box[:3]...)
	r.ok()
	r.server.Deliver("u", box[3])
	before := r.stored()
	refused := errors.New("refused")
	var all, news []string
	if _, err := r.mark(func(listed, unknown iter.Seq[string]) (func(string) bool, error) {
		all, news = slices.Collect(listed), slices.Collect(unknown)
		return nil, refused
	}); !errors.Is(err, refused) {
		t.Fatal(err)
	}
	if len(all) != 4 || !slices.Equal(news, []string{box[3].UID}) {
		t.Errorf("listed %q, new %q", all, news)
	}
	if after := r.stored(); after != before {
		t.Errorf("refused, and changed:\n%s\nwas\n%s", after, before)
	}
}

// Until something is fetched it is taken back, by its name: after a baseline of all there is no import to take back.
func TestUndoImport(t *testing.T) {
	box := mailbox(4)
	r := newRig(t, box...)
	undo := func() (operator.Unmarked, error) {
		return operator.UndoImport(context.Background(), r.ledger, "a", r.clock)
	}
	var no *operator.NoUndoError
	if _, err := undo(); !errors.As(err, &no) {
		t.Fatal(err)
	}
	r.marks(Marked{Listed: 4, Marked: 1, Left: 3, Headers: 1}, knowing(box[2].UID))
	if u, err := undo(); err != nil || u != (operator.Unmarked{New: 1, Imported: true}) {
		t.Fatalf("%+v, %v", u, err)
	}
	r.baseline()
	if _, err := undo(); !errors.As(err, &no) {
		t.Fatal(err)
	}
	if _, err := r.undo(); err != nil {
		t.Fatal(err)
	}
	r.marks(Marked{Listed: 4, Marked: 1, Left: 3, Headers: 1}, knowing(box[2].UID))
	r.ok()
	r.wantMail(box[0], box[1], box[3])
	if _, err := undo(); !errors.As(err, &no) || !strings.HasPrefix(no.Why, "the import was on ") {
		t.Fatal(err)
	}
}

// A flood goes on without what is chosen, and so does a ledger in doubt: nobody said anything of the rest.
func TestBaselineChosenEndsNoDoubt(t *testing.T) {
	t.Run("flood", func(t *testing.T) {
		r, _ := used(t, 30, 3)
		many := fresh("flood", 600)
		r.server.Deliver("u", many...)
		r.run()
		r.marks(Marked{Listed: 648, Marked: 1, Known: 48, Left: 599, Headers: 1}, knowing(many[0].UID))
		if f := r.remembered(); f.Flood == nil {
			t.Error("the flood is forgotten")
		}
		if rep := r.run(); rep.Verdict.Class != verdict.Config || rep.New != 0 {
			t.Errorf("%+v", rep)
		}
	})
	t.Run("held back", func(t *testing.T) {
		box := mailbox(5)
		r := newRig(t, box...)
		r.ok()
		r.empty()
		r.lose()
		if rep := r.run(); rep.Verdict.Class != verdict.Config || rep.Held != 5 {
			t.Fatalf("%+v", rep)
		}
		before := r.remembered()
		r.marks(Marked{Listed: 5, Marked: 2, Left: 3, Headers: 2}, knowing(box[0].UID, box[1].UID))
		if f := r.remembered(); f.LostAt != before.LostAt || f.Verify != before.Verify || f.LostAt == 0 && !f.Verify {
			t.Errorf("in doubt %v since %d, was %v since %d", f.Verify, f.LostAt, before.Verify, before.LostAt)
		}
		if rep := r.run(); rep.New != 0 || rep.Held != 3 {
			t.Errorf("%+v", rep)
		}
	})
}

// A known unique-id with another size may be another message: another fetcher's word does not decide that.
func TestBaselineChosenLeavesQuestions(t *testing.T) {
	box := mailbox(3)
	r := newRig(t, box...)
	r.ok()
	other := slices.Clone(box)
	other[1].ListSize = int64(len(box[1].Data)) + 5000
	r.server.AddUser("u", "p", other...)
	r.marks(Marked{Listed: 3, Known: 2, Left: 1}, knowing(box[1].UID))
}
