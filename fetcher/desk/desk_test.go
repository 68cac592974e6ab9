package desk_test

import (
	"context"
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"github.com/popsync/popsync/fetcher/desk"
	"github.com/popsync/popsync/fetcher/desk/desktest"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/uidl"
)

// A message is parked after so many attempts, or at once by what will not change; and it is new to the ledger only once.
func TestCharge(t *testing.T) {
	for name, c := range map[string]struct {
		row       uidl.Row
		permanent bool
		want      uidl.State
		attempts  int
		newly     int
	}{
		"unknown":           {uidl.Row{}, false, uidl.Wanted, 1, 0},
		"once before":       {uidl.Row{State: uidl.Wanted, Attempts: 1}, false, uidl.Wanted, 2, 0},
		"the last time":     {uidl.Row{State: uidl.Wanted, Attempts: health.MaxAttempts - 1}, false, uidl.Parked, health.MaxAttempts, 1},
		"for good":          {uidl.Row{}, true, uidl.Parked, health.MaxAttempts, 1},
		"parked before":     {uidl.Row{State: uidl.Parked, Attempts: health.MaxAttempts}, false, uidl.Parked, health.MaxAttempts + 1, 0},
		"for good, as then": {uidl.Row{State: uidl.Parked, Attempts: health.MaxAttempts}, true, uidl.Parked, health.MaxAttempts + 1, 0},
	} {
		w := desktest.New(t, pop3test.Options{})
		c.row.Key = uidl.Key{UID: "x"}
		var ch uidl.Change
		w.Desk.Charge(&ch, c.row, "why", c.permanent)
		var state uidl.State
		var attempts int
		var next int64
		switch {
		case c.row.State == 0 && len(ch.Put) == 1 && len(ch.Mark) == 0:
			state, attempts, next = ch.Put[0].State, ch.Put[0].Attempts, ch.Put[0].NextTry
		case c.row.State != 0 && len(ch.Mark) == 1 && len(ch.Put) == 0:
			state, attempts, next = ch.Mark[0].State, ch.Mark[0].Attempts, ch.Mark[0].NextTry
		default:
			t.Errorf("%s: %+v", name, ch)
		}
		rep := w.Desk.Rec.Sofar()
		if state != c.want || attempts != c.attempts || (next > w.Clock.Unix()) != (state == uidl.Parked) || rep.Failed != 1 || rep.NewlyParked != c.newly {
			t.Errorf("%s: state %v after %d attempts, next at %d; %+v", name, state, attempts, next, rep)
		}
	}
}

// What policy leaves is written down once, if the ledger can name it.
func TestNoteSkipped(t *testing.T) {
	w := desktest.New(t, pop3test.Options{})
	e := plan.Entry{Num: 1, Size: 9, Key: uidl.Key{UID: "x"}}
	for name, c := range map[string]struct {
		f    plan.FetchStep
		want int
	}{
		"new":           {plan.FetchStep{Entry: e, Row: plan.NoRow, Reason: plan.WhyOf(plan.ReasonTooLarge)}, 1},
		"other reason":  {plan.FetchStep{Entry: e, Row: plan.NoRow, Reason: plan.WhyOf(plan.ReasonNoUID)}, 0},
		"without name":  {plan.FetchStep{Entry: plan.Entry{Num: 1, Size: 9}, Row: plan.NoRow, Reason: plan.WhyOf(plan.ReasonTooLarge)}, 0},
		"noted before":  {plan.FetchStep{Entry: e, Row: &uidl.Row{Key: e.Key, State: uidl.Skipped, Size: 9}, Reason: plan.WhyOf(plan.ReasonTooLarge)}, 0},
		"noted so":      {plan.FetchStep{Entry: e, Row: plan.SkippedRow, Reason: plan.WhyOf(plan.ReasonTooLarge)}, 0},
		"another size":  {plan.FetchStep{Entry: e, Row: &uidl.Row{Key: e.Key, State: uidl.Skipped, Size: 8}, Reason: plan.WhyOf(plan.ReasonTooLarge)}, 1},
		"failed before": {plan.FetchStep{Entry: e, Row: &uidl.Row{Key: e.Key, State: uidl.Parked, Size: 9}, Reason: plan.WhyOf(plan.ReasonTooLarge)}, 1},
	} {
		var ch uidl.Change
		if w.Desk.NoteSkipped(&ch, c.f, 0); len(ch.Put)+len(ch.Mark) != c.want {
			t.Errorf("%s: %+v", name, ch)
		}
	}
}

// Until a listing has confirmed the clock, nothing that is entered has an age.
func TestStamp(t *testing.T) {
	w := desktest.New(t, pop3test.Options{})
	if got := w.Desk.Stamp(); got != uidl.Unstamped {
		t.Errorf("before the first listing: %d", got)
	}
	w.Desk.HasListed.Store(true)
	w.Desk.Options.Built = w.Clock.Unix() + 100 // the clock was never set
	if got := w.Desk.ListedAt(); got != w.Desk.Options.Built {
		t.Errorf("listed at %d, before the program was built", got)
	}
	if got := w.Desk.Stamp(); got == uidl.Unstamped {
		t.Error("none with a listing")
	}
}

// Messages are found by key: several that share a unique-id in the order of the listing.
func TestNumbersOf(t *testing.T) {
	w := desktest.New(t, pop3test.Options{}, desktest.Message("a", ""), desktest.Message("b", ""), desktest.Message("a", "again"), desktest.Message("c", ""))
	got := w.On.NumbersOf(map[uidl.Key]bool{{UID: "a", Dup: 1}: true, {UID: "c"}: true, {UID: "gone"}: true})
	if want := map[int]uidl.Key{3: {UID: "a", Dup: 1}, 4: {UID: "c"}}; !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// A server that says of a message that it is gone, and lists it, is believed once a week.
func TestSaysGoneAgain(t *testing.T) {
	w := desktest.New(t, pop3test.Options{})
	next := func(after time.Duration) *desk.Desk {
		d := desk.New(w.Desk.Account, w.Desk.Options)
		d.Health.Facts = w.Desk.Health.Facts
		w.Clock = w.Clock.Add(after)
		return d
	}
	for range 2 { // the first time, and others in the same pass
		if w.Desk.SaysGoneAgain() {
			t.Error("it said so before")
		}
	}
	if !next(24 * time.Hour).SaysGoneAgain() {
		t.Error("not a day later")
	}
	if next(7 * 24 * time.Hour).SaysGoneAgain() {
		t.Error("still after a week")
	}
}

// What is received may be settled for a while after the end of the pass, and no longer.
func TestGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, end := context.WithCancel(t.Context())
		late, release := desk.Grace(ctx, time.Second)
		defer release()
		end()
		time.Sleep(time.Second - 1)
		synctest.Wait()
		if late.Err() != nil {
			t.Error("it ended at once")
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if late.Err() == nil {
			t.Error("it does not end")
		}
	})
}
