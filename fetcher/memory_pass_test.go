package fetcher

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/memory"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/uidl"
)

// Passes give back what they took, however they end.
func TestMemoryIsGivenBack(t *testing.T) {
	m := memory.NewBudget(100<<20, nil)
	box := mailbox(5)
	r := newRig(t, box...)
	r.opt.Memory = m
	r.ok()
	nothingHeld(t, m)
	r.acc.Login.Password = func(context.Context) (string, error) { panic("at the worst time") }
	if rep := r.run(); rep.Verdict.Class != verdict.Internal {
		t.Errorf("%+v", rep.Verdict)
	}
	nothingHeld(t, m)
	r.acc.Login.Password = func(context.Context) (string, error) { return "wrong", nil }
	if rep := r.run(); rep.Verdict.Class == verdict.OK {
		t.Errorf("%+v", rep.Verdict)
	}
	nothingHeld(t, m)
	r.wantMail(box...)
}

// A pass that waits for memory in vain is no failure of its account: it says what it waited for, and when it is tried again.
func TestPassWaitsForMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := memory.NewBudget(100<<20, nil)
		box := mailbox(5)
		r := newRig(t, box...)
		r.opt.Memory = m
		r.opt.Now = time.Now
		r.ok()
		var others []*memory.Share // so many that no more fit
		for {
			s, err := m.Take(t.Context(), memory.PassOctets, 0, nil)
			if err != nil {
				break
			}
			others = append(others, s)
		}
		waits := atomic.Bool{}
		r.opt.Progress = func(rep report.Report) { waits.Store(waits.Load() || rep.Waiting == "memory") }
		before := r.info()
		rep := r.run()
		if rep.Verdict.Class != verdict.Temporary || !rep.Untried || rep.Waiting != "memory" || !strings.Contains(rep.Verdict.Message, "waiting for memory") {
			t.Errorf("%+v", rep)
		}
		if !waits.Load() {
			t.Error("nobody who watches was told")
		}
		if rep.Duration < 10*time.Minute || rep.Duration > 30*time.Minute || !rep.NextTry.After(time.Now()) || time.Until(rep.NextTry) > 5*time.Minute {
			t.Errorf("took %v, next try in %v", rep.Duration, time.Until(rep.NextTry))
		}
		after := r.info()
		if after.Failures != before.Failures || after.Verdict != "" || !strings.Contains(health.Standing(after).Hold, "waiting for memory") {
			t.Errorf("%+v", after)
		}
		for _, s := range others {
			s.Release()
		}
		time.Sleep(2 * time.Minute)
		r.opt.Progress = nil
		if rep := r.ok(); rep.Waiting != "" || rep.Kept != 5 {
			t.Errorf("%+v", rep)
		}
		if s := health.Standing(r.info()); s.Hold != "" {
			t.Errorf("%+v", s)
		}
		nothingHeld(t, m)
	})
}

// A mailbox that turns out too large for what is free gives its listing up, waits for its turn, and is listed then.
func TestListingGivesWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 40_000
		box := make([]pop3test.Message, n)
		for i := range box {
			box[i] = message(fmt.Sprintf("%070d", i), "")
		}
		r := newRig(t, box...)
		m := memory.NewBudget(64<<20, nil)
		r.opt.Memory, r.opt.Now = m, time.Now
		r.acc.Policy.Limit = 3
		other, err := m.Take(t.Context(), 55<<20, 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(5*time.Minute, other.Release)
		begun := time.Now()
		rep := r.ok()
		if rep.New != 3 || time.Since(begun) < 5*time.Minute || r.server.Stats().Sessions != 2 {
			t.Errorf("%+v after %v, %d sessions", rep, time.Since(begun), r.server.Stats().Sessions)
		}
		nothingHeld(t, m)
		info := r.info()
		f := health.Decode(info.Facts)
		if f.ListOctets < n*(70+16+4) || f.ListOctets > n*(70+16+4)*11/10 {
			t.Errorf("remembered: %d octets for each message", f.ListOctets/n)
		}
	})
}

// info is the account's row, with the rest that status shows.
func (r *rig) info() uidl.Summary {
	r.t.Helper()
	sums, err := r.ledger.Summaries(context.Background())
	if err != nil || len(sums) != 1 {
		r.t.Fatal(sums, err)
	}
	return sums[0]
}

// A server that sends its listing drop by drop keeps nobody from its memory for ever: its listing is given up, the other one
// runs, and then it is its turn again.
func TestTrickleGivesWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box := mailbox(5)
		r := newRig(t, box...)
		m := memory.NewBudget(64<<20, nil)
		r.opt.Memory, r.opt.Now = m, time.Now
		r.ok()
		f := health.Decode(r.info().Facts)
		f.ListOctets, f.Unchanged = 40<<20, nil // as if the last listing had been a large one
		st := r.info().Status
		st.Facts = f.Encode()
		l, err := r.ledger.Acquire(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Commit(t.Context(), uidl.Change{Status: &st}); err != nil {
			t.Fatal(err)
		}
		l.Close()
		slow := atomic.Int32{}
		r.server.Change(func(o *pop3test.Options) {
			o.OnCommand = func(_ *pop3test.Session, verb, arg string) *pop3test.Reply {
				if verb == "UIDL" && slow.Add(1) == 1 {
					time.Sleep(2 * time.Minute)
				}
				return nil
			}
		})
		ran := time.Duration(0)
		begun := time.Now()
		time.AfterFunc(time.Second, func() {
			s, err := m.Take(t.Context(), 30<<20, time.Hour, nil)
			if err != nil {
				t.Error(err)
				return
			}
			ran = time.Since(begun)
			time.Sleep(time.Minute)
			s.Release()
		})
		rep := r.ok()
		if rep.Kept != 5 || slow.Load() != 2 {
			t.Errorf("%+v; listed %d times", rep, slow.Load())
		}
		if ran == 0 || ran > 90*time.Second {
			t.Errorf("the other one ran after %v", ran)
		}
		nothingHeld(t, m)
	})
}

func nothingHeld(t *testing.T, m *memory.Budget) {
	t.Helper()
	if n := m.Held(); n != 0 {
		t.Errorf("%d octets are held", n)
	}
}
