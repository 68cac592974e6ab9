package deletions

import (
	"errors"
	"slices"
	"testing"

	"github.com/popsync/popsync/fetcher/desk/desktest"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/uidl"
)

var box = []pop3test.Message{desktest.Message("a", "1"), desktest.Message("b", "22"), desktest.Message("c", "333")}

// newDeleter is one in a session that lists the box, all of which is delivered; policy deletes what is.
func newDeleter(t *testing.T, o pop3test.Options) (*Deleter, *desktest.Table) {
	t.Helper()
	w := desktest.New(t, o, box...)
	var c uidl.Change
	for i := range box {
		e := w.Entry(i)
		c.Put = append(c.Put, uidl.Message{Row: uidl.Row{Key: e.Key, State: uidl.Delivered, Size: e.Size, FirstSeen: 1}})
	}
	if err := w.Lease.Account.Commit(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	w.Desk.Account.Policy.Delete = plan.DeleteAfterDelivery
	return &Deleter{Desk: w.Desk, On: w.On}, w
}

// deliver has the i-th message of the box delivered in this session.
func deliver(w *desktest.Table, i int) {
	e := w.Entry(i)
	m := &settle.Received{Num: e.Num, Session: w.On.Number}
	m.Msg.Key, m.Msg.Size = e.Key, e.Size
	w.Desk.Haul.Deliver(m, false)
}

func due(w *desktest.Table, state uidl.State, at ...int) (steps []plan.KnownStep) {
	for _, i := range at {
		e := w.Entry(i)
		steps = append(steps, plan.KnownStep{Entry: e, Row: uidl.Row{Key: e.Key, State: state, Size: e.Size}, Copies: 1})
	}
	return steps
}

func left(w *desktest.Table) (uids []string) {
	for _, m := range w.Server.Messages("u") {
		uids = append(uids, m.UID)
	}
	return uids
}

func open() error { return nil } // no destination is blocked

// What QUIT deletes stands in the ledger before QUIT leaves: what was due, and what the session delivered.
func TestQuitCommitsFirst(t *testing.T) {
	var atQuit []uidl.Mark
	var w *desktest.Table
	var d *Deleter
	d, w = newDeleter(t, pop3test.Options{OnCommand: func(_ *pop3test.Session, verb, _ string) *pop3test.Reply {
		if verb == "QUIT" {
			atQuit = w.Lease.Marks()
		}
		return nil
	}})
	w.On.Plan.Due = due(w, uidl.Delivered, 0)
	if err := d.DeleteDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	deliver(w, 2)
	end, err := d.Quit(t.Context(), open)
	if err != nil || !end.Sent || !end.Confirmed || !end.Marked {
		t.Fatalf("%+v, %v", end, err)
	}
	if len(atQuit) != 2 || atQuit[0].Key.UID != "a" || atQuit[1].Key.UID != "c" || atQuit[0].State != uidl.DeleteSent || atQuit[1].State != uidl.DeleteSent {
		t.Errorf("committed when QUIT came: %+v", atQuit)
	}
	if l := left(w); !slices.Equal(l, []string{"b"}) || w.Desk.Rec.Sofar().Deleted != 2 {
		t.Errorf("left: %v; %+v", l, w.Desk.Rec.Sofar())
	}
}

// Nothing is deleted that the ledger did not take, nor once the lease is lost.
func TestNothingGoes(t *testing.T) {
	for name, spoil := range map[string]func(w *desktest.Table){
		"commit refused":  func(w *desktest.Table) { w.Lease.Fail = uidl.ErrLocked },
		"commit in doubt": func(w *desktest.Table) { w.Lease.Fail = uidl.ErrDoubt },
		"lease lost":      func(w *desktest.Table) { close(w.Lease.Gone) },
	} {
		d, w := newDeleter(t, pop3test.Options{})
		deliver(w, 0)
		spoil(w)
		end, err := d.Quit(t.Context(), open)
		if err == nil || end.Sent {
			t.Errorf("%s: QUIT was sent: %+v", name, end)
		}
		if st := w.Server.Stats(); st.Commands["DELE"]+st.Quits != 0 || len(left(w)) != 3 {
			t.Errorf("%s: %+v, left: %v", name, st, left(w))
		}
	}
	d, w := newDeleter(t, pop3test.Options{})
	w.On.Plan.Due = due(w, uidl.Delivered, 0, 1)
	close(w.Lease.Gone)
	if err := d.DeleteDue(t.Context()); !errors.Is(err, uidl.ErrLeaseLost) || w.Server.Stats().Commands["DELE"] != 0 {
		t.Errorf("due, without the lease: %v, %d DELE", err, w.Server.Stats().Commands["DELE"])
	}
}

// A session that ends without QUIT deleted nothing, and says so; until then it counts as told in this pass.
func TestRollBack(t *testing.T) {
	d, w := newDeleter(t, pop3test.Options{})
	w.On.Plan.Due = due(w, uidl.Delivered, 0, 1)
	if err := d.DeleteDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(w.Desk.Deleted) != 2 || w.Desk.Rec.Sofar().Deleted != 2 {
		t.Fatalf("%v, %+v", w.Desk.Deleted, w.Desk.Rec.Sofar())
	}
	next := &Deleter{Desk: w.Desk, On: w.On}
	if next.SkipAsked(); len(w.On.Plan.Due) != 0 || w.On.Plan.Asked != 2 {
		t.Errorf("asked once more in the same pass: %+v", w.On.Plan.Due)
	}
	if d.RollBack(); len(w.Desk.Deleted) != 0 || w.Desk.Rec.Sofar().Deleted != 0 {
		t.Errorf("%v, %+v", w.Desk.Deleted, w.Desk.Rec.Sofar())
	}
}

// A refused DELE of what was marked is taken back with the next commit, or the row would say for ever that it was asked for.
func TestRefusedDelete(t *testing.T) {
	d, w := newDeleter(t, pop3test.Options{OnCommand: func(_ *pop3test.Session, verb, arg string) *pop3test.Reply {
		if verb == "DELE" && arg == "1" {
			return &pop3test.Reply{Raw: []byte("-ERR not now\r\n")}
		}
		return nil
	}})
	deliver(w, 0)
	deliver(w, 1)
	if end, err := d.Quit(t.Context(), open); err != nil || !end.Confirmed {
		t.Fatalf("%+v, %v", end, err)
	}
	c := w.Desk.Settler.Carry
	if len(c.Mark) != 1 || c.Mark[0].Key.UID != "a" || c.Mark[0].State != uidl.Delivered {
		t.Errorf("carried: %+v", c.Mark)
	}
	if rep := w.Desk.Rec.Sofar(); rep.Deleted != 1 || rep.Kept != 1 || !slices.Equal(left(w), []string{"a", "c"}) {
		t.Errorf("%+v; left: %v", rep, left(w))
	}
}

// What keeps a session from deleting keeps all of it.
func TestKept(t *testing.T) {
	for name, why := range map[string]func(w *desktest.Table){
		"policy":                 func(w *desktest.Table) { w.Desk.Account.Policy.Delete = plan.DeleteNever },
		"never on this login":    func(w *desktest.Table) { w.Desk.Account.NeverDelete = true },
		"new unique-ids":         func(w *desktest.Table) { w.Desk.Epoch.Proven = true },
		"a session for new mail": func(w *desktest.Table) { w.Desk.Turns.Purpose = health.NewMail },
		"messages left out":      func(w *desktest.Table) { w.On.LeftOut = true },
		"DELE rests": func(w *desktest.Table) {
			w.Desk.Health.Stumbles.Steps = map[string]*health.StepState{"DELE": {Times: 1, Until: w.Clock.Unix() + 100}}
		},
		"the server would hide what is not delivered": func(w *desktest.Table) {
			w.Desk.Account.RetrHides, w.On.Fetched = true, map[int]bool{2: true}
		},
	} {
		d, w := newDeleter(t, pop3test.Options{})
		deliver(w, 0)
		why(w)
		if _, err := d.Quit(t.Context(), open); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if len(left(w)) != 3 || len(w.Lease.Marks()) != 0 || w.Desk.Rec.Sofar().Kept != 1 {
			t.Errorf("%s: left: %v; marked: %+v; %+v", name, left(w), w.Lease.Marks(), w.Desk.Rec.Sofar())
		}
	}
}

// Of messages that share a unique-id all go or none.
func TestWholly(t *testing.T) {
	entry := func(uid string, dup int) plan.Entry {
		return plan.Entry{Num: 10*dup + len(uid), Key: uidl.Key{UID: uid, Dup: dup}}
	}
	for _, c := range []struct {
		listed uids
		due    []plan.Entry
		want   int
	}{
		{uids{"a", "b"}, []plan.Entry{entry("a", 0), entry("b", 0)}, 2},
		{uids{"a", "b", "a"}, []plan.Entry{entry("a", 0), entry("b", 0)}, 1},
		{uids{"a", "b", "a"}, []plan.Entry{entry("a", 0), entry("a", 1), entry("b", 0)}, 3},
		{uids{"a", "a", "a", "b", "b"}, []plan.Entry{entry("a", 0), entry("a", 1), entry("b", 0)}, 0},
	} {
		d, w := newDeleter(t, pop3test.Options{})
		w.On.Plan = plan.Make(plan.Input{Listing: c.listed, Order: plan.SortedByUID(c.listed), Rows: &plan.Rows{}})
		n := len(c.due)
		if got := d.wholly(c.due); len(got) != c.want || w.Desk.Rec.Sofar().Kept != n-c.want {
			t.Errorf("%v: %v go, %d kept", c.listed, got, w.Desk.Rec.Sofar().Kept)
		}
	}
}

// uids are those of a listing.
type uids []string

func (l uids) Len() int            { return len(l) }
func (l uids) At(i int) pop3.Entry { return pop3.Entry{Num: i + 1, Size: 9, UID: l[i], HasUID: true} }

// What the server said to delete and lists an hour later is left alone; what it really deleted shows that it can.
func TestInVain(t *testing.T) {
	d, w := newDeleter(t, pop3test.Options{QuitKeeps: true})
	w.On.Plan.Due = due(w, uidl.Delivered, 0, 1)
	if err := d.DeleteDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Quit(t.Context(), open); err != nil {
		t.Fatal(err)
	}
	if n := len(w.Desk.Health.Undeleted.Asked); n != 2 {
		t.Fatalf("%d are remembered as asked for", n)
	}
	w.Clock = w.Clock.Add(health.LateDelete)
	again := &Deleter{Desk: w.Desk, On: w.On} // it lists both still
	again.Heeded(true)
	if n := len(w.Desk.Health.Undeleted.Asked); n != 2 {
		t.Fatalf("%d are remembered after a listing with both", n)
	}
	again.inVain([]uidl.Key{{UID: "a"}})
	if m := w.Desk.Health.Stumbles.Mark(uidl.Key{UID: "a"}); m == nil || m.Step != health.StepQuit {
		t.Errorf("not charged: %+v", m)
	}
	gone := &Deleter{Desk: w.Desk, On: w.On}
	w.On.List = without{w.On.List}
	if gone.Heeded(false); len(w.Desk.Health.Undeleted.Asked) != 2 {
		t.Error("a listing that is not complete tells that something is gone")
	}
	if gone.Heeded(true); len(w.Desk.Health.Undeleted.Asked) != 0 || w.Desk.Health.Stumbles.Mark(uidl.Key{UID: "a"}) != nil {
		t.Errorf("gone, and remembered: %+v, %+v", w.Desk.Health.Undeleted.Asked, w.Desk.Health.Stumbles)
	}
}

// without is an empty listing.
type without struct{ plan.Listing }

func (without) Len() int { return 0 }
