package schedule

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// After a night's sleep each of a thousand runs once, spread over its jitter, with no more at once than allowed.
func TestSuspendMakesNoBurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, noon, Options{Parallel: 20})
		var entries []Entry
		for i := range 1000 {
			e := w.entry(fmt.Sprint(i), []string{"0 * * * *", "@every 30m", "*/15 * * * *"}[i%3], 5*time.Second)
			e.Jitter, e.Last = 10*time.Minute, noon.Add(-time.Duration(i)*time.Second)
			entries = append(entries, e)
		}
		w.loop.Set(entries)
		w.run()
		time.Sleep(90*time.Minute + 30*time.Second)
		w.story(noon)
		w.jump(8 * time.Hour)
		awake := w.now()
		time.Sleep(11 * time.Minute)
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.most > 20 {
			t.Errorf("%d at once", w.most)
		}
		runs, minutes := map[string]int{}, map[int]int{}
		for _, s := range w.starts {
			runs[s.name]++
			minutes[int(s.at.Sub(awake)/time.Minute)]++
		}
		for _, e := range entries {
			if n := runs[e.Name]; n < 1 || n > 2 {
				t.Errorf("%s ran %d times", e.Name, n)
			}
		}
		for m, n := range minutes {
			if n > 150 { // 100 a minute make up, 33 are due anyway; 20 places have room for 240
				t.Errorf("%d starts in minute %d", n, m)
			}
		}
	})
}

// A clock that is put back keeps nothing from running, and makes nothing run that wouldn't have.
func TestClockPutBack(t *testing.T) {
	for _, back := range []time.Duration{150 * time.Second, 12 * time.Hour, decade} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, noon, Options{})
			a, b := w.entry("every", "@every 20m", 0), w.entry("waits", "@every 5m", 0)
			a.Last, b.Last = noon, noon
			b.Run = w.job("waits", 0, func() Result { return Result{NotBefore: w.now().Add(50 * time.Minute)} })
			c := w.entry("cron", "*/10 * * * *", 0)
			w.loop.Set([]Entry{a, b, c})
			w.run()
			time.Sleep(31*time.Minute + 10*time.Second)
			w.jump(-back)
			w.story(noon)
			began := w.now()
			time.Sleep(30 * time.Minute)
			// cron goes by the new clock, the others as if nothing had happened: 40m and 55m after noon. Only what the step
			// back didn't bring into the future has to wait that much longer.
			first := began.Truncate(10 * time.Minute).Add(10 * time.Minute).Sub(began)
			every := []time.Duration{530 * time.Second, 1730 * time.Second}
			if back == 150*time.Second {
				every = []time.Duration{680 * time.Second}
			}
			want := fmt.Sprint(every, []time.Duration{1430 * time.Second},
				[]time.Duration{first, first + 10*time.Minute, first + 20*time.Minute})
			var got [3][]time.Duration
			for i, name := range []string{"every", "waits", "cron"} {
				for _, s := range w.of(name) {
					got[i] = append(got[i], s.at.Sub(began))
				}
			}
			if g := fmt.Sprint(got[0], got[1], got[2]); g != want {
				t.Errorf("back by %v: %s, want %s", back, g, want)
			}
		})
	}
}

// A job that waits for a place when the clock is set, and one that runs, are not lost.
func TestClockSetWhileBusy(t *testing.T) {
	for _, by := range []time.Duration{-decade, -time.Hour, time.Hour, decade} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, noon, Options{Parallel: 1, SlowAfter: time.Hour}) // a keeps its place
			a, b, c := w.entry("a", "@every 1h", 10*time.Minute), w.entry("b", "@every 1h", time.Minute), w.entry("c", "@every 1h", time.Minute)
			d := w.entry("d", "@every 1h", time.Minute)
			a.Last, b.Last, c.Last, d.Last = noon.Add(-60*time.Minute), noon.Add(-59*time.Minute), noon.Add(-58*time.Minute), noon.Add(-53*time.Minute)
			if by < 0 {
				d.Last = noon.Add(-53 * time.Minute).Add(by) // as after a start by the new clock
			}
			w.loop.Set([]Entry{a, b, c})
			w.run()
			time.Sleep(5 * time.Minute)
			w.jump(by)
			time.Sleep(time.Minute)
			w.loop.Set([]Entry{a, b, c, d})
			time.Sleep(14 * time.Minute)
			want := fmt.Sprintf("a@%v b@10m0s c@11m0s", -by)
			if by > 0 {
				want += " a@12m0s" // by the clock its hour was over before d came
			} else {
				want += " d@12m0s"
			}
			if got := w.story(noon.Add(by)); got != want {
				t.Errorf("by %v: %s", by, got)
			}
			for _, s := range w.loop.State() {
				if d := s.Next.Sub(w.now()); !s.Running && !s.Waiting && (d < 40*time.Minute || d > time.Hour) {
					t.Errorf("by %v: %s next in %v", by, s.Name, d)
				}
			}
		})
	}
}

// A thousand idle jobs wake the loop once a minute.
func TestIdleIsIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, noon.Add(time.Second), Options{})
		var entries []Entry
		for i := range 1000 {
			entries = append(entries, w.entry(fmt.Sprint(i), "0 0 * * *", 0))
		}
		w.loop.Set(entries)
		w.run()
		time.Sleep(time.Second)
		w.mu.Lock()
		before := w.beats
		w.mu.Unlock()
		time.Sleep(time.Hour)
		w.mu.Lock()
		defer w.mu.Unlock()
		if n := w.beats - before; n != 60 {
			t.Errorf("%d wake-ups in an hour", n)
		}
	})
}
