package fetcher

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/operator"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/pop3/pop3test"
)

// grow adds n messages to the mailbox and makes a pass, which must succeed.
func (r *rig) grow(box *[]pop3test.Message, n int) report.Report {
	r.t.Helper()
	more := fresh(fmt.Sprintf("g%d-", len(*box)), n)
	*box = append(*box, more...)
	r.server.Deliver("u", more...)
	return r.ok()
}

// used is a rig with a first import and some days of ordinary mail behind it.
func used(t *testing.T, first, daily int) (*rig, *[]pop3test.Message) {
	box := mailbox(first)
	r := newRig(t, box...)
	r.server.Change(func(o *pop3test.Options) { o.OnDelete = nil })
	r.clock = r.clock.Truncate(24 * time.Hour).Add(21 * time.Hour) // days are counted in UTC: the same ones at any hour
	r.ok()
	for range 6 {
		r.clock = r.clock.Add(20 * time.Hour)
		r.grow(&box, daily)
	}
	return r, &box
}

// More new mail than is plausible is held back, with one message, until a person says what it is.
func TestFlood(t *testing.T) {
	t.Parallel()
	r, box := used(t, 30, 3)
	r.acc.Policy.Delete = plan.DeleteAfterDelivery
	before := r.server.Stats()
	more := fresh("flood", 501)
	r.server.Deliver("u", more...)
	for i := range 2 {
		rep := r.run()
		if rep.Verdict.Class != verdict.Config || rep.New != 0 || rep.Deleted != 0 || toldBefore(rep.Err) != (i > 0) ||
			!strings.HasPrefix(rep.Verdict.Message, "501 new messages arrived at once, where 3 are usual") ||
			!strings.Contains(rep.Verdict.Hint, "popsync accept a;") {
			t.Fatalf("pass %d: %+v", i, rep)
		}
	}
	if st := r.server.Stats(); st.Commands["RETR"] != before.Commands["RETR"] || st.Commands["DELE"] != 0 {
		t.Errorf("commands %v", st.Commands)
	}
	r.opt.DryRun = true
	if rep := r.ok(); rep.Steps.Len() != 501+len(*box) {
		t.Errorf("a dry run shows %d steps", rep.Steps.Len())
	}
	r.opt.DryRun = false
	r.acc.Policy.Delete = plan.DeleteNever
	got, _, err := operator.Accept(context.Background(), r.ledger, "a", r.clock)
	if err != nil || got == nil || got.New != 501 || got.Usual != 3 {
		t.Fatalf("accept: %+v, %v", got, err)
	}
	if rep := r.ok(); rep.New != 501 {
		t.Errorf("accepted: %+v", rep)
	}
	r.wantMail(append(*box, more...)...)
	// It was let through once, not for ever.
	if got, _, err := operator.Accept(context.Background(), r.ledger, "a", r.clock); got != nil || err != nil {
		t.Errorf("nothing to accept: %+v, %v", got, err)
	}
	r.server.Deliver("u", fresh("second", 600)...)
	if rep := r.run(); rep.Verdict.Class != verdict.Config {
		t.Errorf("the next flood: %+v", rep)
	}
}

// A flood that goes away by itself needs nobody.
func TestFloodGoes(t *testing.T) {
	t.Parallel()
	r, box := used(t, 30, 3)
	r.server.Deliver("u", fresh("flood", 600)...)
	if rep := r.run(); rep.Verdict.Class != verdict.Config {
		t.Fatalf("%+v", rep)
	}
	r.server.AddUser("u", "p", *box...)
	if rep := r.ok(); rep.New != 0 {
		t.Errorf("%+v", rep)
	}
	if f := health.Decode(r.facts()); f.Flood != nil {
		t.Errorf("still held back: %+v", f)
	}
}

// What was accepted and then interrupted did not arrive once more.
func TestFloodAcceptedAndInterrupted(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"closed", "killed"} {
		t.Run(how, func(t *testing.T) {
			r, box := used(t, 30, 3)
			r.opt.BatchMessages = 50
			more := fresh("flood", 900)
			r.server.Deliver("u", more...)
			r.run()
			if got, _, err := operator.Accept(context.Background(), r.ledger, "a", r.clock); got == nil || err != nil {
				t.Fatal(got, err)
			}
			if how == "closed" {
				n := 0
				r.server.Change(func(o *pop3test.Options) {
					o.OnCommand = func(_ *pop3test.Session, verb, _ string) *pop3test.Reply {
						if verb == "RETR" {
							n++
						}
						if n > 300 {
							return &pop3test.Reply{Close: true}
						}
						return nil
					}
				})
				r.run()
				r.server.Change(func(o *pop3test.Options) { o.OnCommand = nil })
			} else {
				left, whole := 20, r.ledger
				r.ledger = killed{whole, &left}
				r.run()
				r.ledger = whole
			}
			if rep := r.ok(); rep.New == 0 || rep.New == 900 {
				t.Errorf("the rest: %+v", rep)
			}
			if got := count(mailIn(t, r.dir)); got != len(*box)+900 {
				t.Errorf("%d in the Maildir", got)
			}
		})
	}
}

func TestNoFlood(t *testing.T) {
	t.Parallel()
	t.Run("first import in pieces", func(t *testing.T) { // a limit, for some days, and then none
		box := mailbox(800)
		r := newRig(t, box...)
		r.acc.Policy.Limit = 20
		for range 8 {
			r.clock = r.clock.Add(13 * time.Hour)
			if rep := r.ok(); rep.New != 20 {
				t.Fatalf("%+v", rep)
			}
		}
		r.acc.Policy.Limit = 0
		if rep := r.ok(); rep.New != 800-160 {
			t.Errorf("%+v", rep)
		}
	})
	t.Run("thin history", func(t *testing.T) {
		box := mailbox(10)
		r := newRig(t, box...)
		r.ok()
		for range 3 {
			r.clock = r.clock.Add(24 * time.Hour)
			r.grow(&box, 2)
		}
		r.clock = r.clock.Add(time.Hour)
		r.grow(&box, 600)
	})
	t.Run("just plausible", func(t *testing.T) {
		r, box := used(t, 30, 3)
		r.grow(box, 500)
	})
	t.Run("a month away", func(t *testing.T) {
		r, box := used(t, 30, 3)
		for range 4 {
			r.clock = r.clock.Add(20 * time.Hour)
			r.grow(box, 20)
		}
		r.clock = r.clock.Add(20 * 24 * time.Hour)
		r.grow(box, 501) // 3 to 20 a day were usual
	})
	t.Run("a month away, and killed", func(t *testing.T) { // the rest did not arrive after the listing of a moment ago
		r, box := used(t, 30, 20)
		r.clock = r.clock.Add(20 * 24 * time.Hour)
		more := fresh("away", 700)
		r.server.Deliver("u", more...)
		r.opt.BatchMessages = 50
		left, whole := 2, r.ledger
		r.ledger = killed{whole, &left}
		if rep := r.run(); !rep.Verdict.Stop {
			t.Fatalf("%+v", rep)
		}
		r.ledger = whole
		if rep := r.ok(); rep.New == 0 {
			t.Errorf("%+v", rep)
		}
		if got := count(mailIn(t, r.dir)); got != len(*box)+700 {
			t.Errorf("%d in the Maildir", got)
		}
	})
	t.Run("emptied, fills slowly", func(t *testing.T) {
		r, box := used(t, 30, 3)
		r.server.AddUser("u", "p")
		r.ok()
		for range 5 {
			r.clock = r.clock.Add(time.Hour)
			r.grow(box, 120)
		}
	})
	t.Run("pages", func(t *testing.T) {
		all := mailbox(700)
		r := newRig(t, all[:3]...)
		r.acc.RetrHides = true
		r.ok()
		for i := range 6 {
			r.clock = r.clock.Add(20 * time.Hour)
			r.server.AddUser("u", "p", all[3*i+3:3*i+6]...)
			r.ok()
		}
		r.server.AddUser("u", "p", all[100:]...)
		if rep := r.ok(); rep.New != 600 {
			t.Errorf("%+v", rep)
		}
	})
	t.Run("all unique-ids changed", func(t *testing.T) {
		for _, top := range []bool{true, false} {
			r, box := used(t, 520, 3)
			r.server.Change(func(o *pop3test.Options) { o.NoTOP = !top })
			r.server.AddUser("u", "p", renamed("x", *box)...)
			if rep := r.ok(); rep.New != 0 || rep.Adopted != len(*box) {
				t.Errorf("TOP %v: %+v", top, rep)
			}
		}
	})
}

func TestPlausible(t *testing.T) {
	now := time.Unix(1000*24*3600, 0)
	at := func(daysAgo float64, n int) health.Arrival {
		return health.Arrival{At: now.Unix() - int64(daysAgo*24*3600), New: n}
	}
	five := []health.Arrival{at(5, 20000), at(4, 5), at(3, 7), at(2, 1), at(1, 9)}
	for name, c := range map[string]struct {
		history     []health.Arrival
		gap         time.Duration
		usual, most int
	}{
		"nothing":          {},
		"five passes":      {history: five, usual: 7, most: 500},
		"busy":             {history: []health.Arrival{at(5, 90), at(4, 80), at(3, 70), at(2, 60), at(1, 100)}, usual: 80, most: 1600},
		"four":             {history: five[1:]},
		"two days":         {history: []health.Arrival{at(2.1, 5), at(2.2, 5), at(1.1, 5), at(1.2, 5), at(1.3, 5)}},
		"too old":          {history: append([]health.Arrival{at(40, 5)}, five[1:]...)},
		"clock went back":  {history: append([]health.Arrival{at(-1, 5)}, five[1:]...)},
		"many a day, away": {history: slices.Repeat([]health.Arrival{at(5, 5), at(4, 5), at(3, 5)}, 5), gap: 14 * 24 * time.Hour, usual: 5, most: 500},
	} {
		usual, most := health.Plausible(c.history, now, c.gap)
		if usual != c.usual || most != c.most {
			t.Errorf("%s: %d usual, %d at most", name, usual, most)
		}
	}
	var often []health.Arrival
	for d := 10; d > 0; d-- {
		for range 24 {
			often = append(often, at(float64(d), 5))
		}
	}
	if usual, most := health.Plausible(often, now, 14*24*time.Hour); usual != 5 || most != 4*14*120 {
		t.Errorf("away for two weeks: %d usual, %d at most", usual, most)
	}
}
