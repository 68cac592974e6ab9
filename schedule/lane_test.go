package schedule

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// lane makes an entry whose runs take so long, and tell what became of them.
func (w *world) lane(name, spec string, takes time.Duration, slowly, brisk bool) Entry {
	e := w.entry(name, spec, takes)
	run := e.Run
	e.Run = func(ctx context.Context, asked bool) Result {
		run(ctx, asked)
		if context.Cause(ctx) == ErrMoved {
			return Result{Soon: true, Brisk: brisk}
		}
		return Result{Brisk: brisk && !Slow(ctx)}
	}
	e.Slowly = func() bool { return slowly }
	return e
}

// running tells which jobs run, and how many of them in the slow lane.
func (w *world) running() (names string, slow int) {
	synctest.Wait()
	w.loop.mu.Lock()
	defer w.loop.mu.Unlock()
	for _, s := range []string{"a", "b", "c", "d"} {
		if j := w.loop.jobs[s]; j != nil && j.run != nil {
			names += s
			if j.run.slow.Load() {
				slow++
			}
		}
	}
	if slow != w.loop.slowRunning {
		w.t.Errorf("%d run in the slow lane, and %d are counted", slow, w.loop.slowRunning)
	}
	return names, slow
}

// A long run gives its place away once another waits, and not before; it is not ended while the slow lane has room.
func TestLongRunsMove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, noon, Options{Parallel: 1})
		a := w.lane("a", "@every 24h", 3*time.Hour, false, true)
		b := w.lane("b", "0 13 * * *", time.Minute, false, true)
		c := w.lane("c", "1 13 * * *", 2*time.Minute, false, true)
		w.loop.Set([]Entry{a, b, c})
		w.run()
		time.Sleep(59 * time.Minute)
		if names, slow := w.running(); names != "a" || slow != 0 || w.state("a").Slow {
			t.Errorf("nobody waits, and %s run, %d in the slow lane", names, slow)
		}
		time.Sleep(time.Minute + time.Second)
		if names, slow := w.running(); names != "ab" || slow != 1 || !w.state("a").Slow {
			t.Errorf("%s run, %d in the slow lane", names, slow)
		}
		time.Sleep(3 * time.Hour)
		if got := w.story(noon); got != "a@0s b@1h0m0s c@1h1m0s" {
			t.Error(got)
		}
		if !w.state("a").Slow { // lane: brisk, but for the slow lane
			t.Error("a is among the others again")
		}
	})
}

// Where the slow lane is full, a run ends and is made again in its turn: in the slow lane, or among the others if it got on.
func TestRunsMakeRoom(t *testing.T) {
	for _, brisk := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, noon, Options{Parallel: 2})
			a := w.lane("a", "@every 24h", 40*time.Minute, true, false)
			b := w.lane("b", "@every 24h", 50*time.Minute, true, brisk)
			c := w.lane("c", "1 12 * * *", 9*time.Minute, false, false)
			d := w.lane("d", "1 12 * * *", 9*time.Minute, false, false)
			w.loop.Set([]Entry{a, b, c, d})
			w.run()
			time.Sleep(time.Minute + time.Second)
			if names, slow := w.running(); names != "ab" || slow != 0 {
				t.Errorf("before they were looked at, %s run, %d in the slow lane", names, slow)
			}
			time.Sleep(4 * time.Minute)
			names, slow := w.running()
			// c and d have both places; one of a and b is in the slow lane, and the other waits.
			if slow != 1 || len(names) != 3 {
				t.Errorf("%s run, %d in the slow lane", names, slow)
			}
			time.Sleep(3 * time.Hour)
			if n := len(w.of("a")) + len(w.of("b")); n != 3 || len(w.of("c")) != 1 || len(w.of("d")) != 1 {
				t.Errorf("brisk %v: %s", brisk, w.story(noon))
			}
			if w.atMost() > 3 {
				t.Errorf("%d ran at once", w.atMost())
			}
			if w.state("c").Slow || w.state("d").Slow {
				t.Error("c and d were never moved")
			}
		})
	}
}

// Twelve jobs that hang, of which each takes an hour until its own bound ends it, and four that are quick: after the first
// minutes these are on time, and the others get their turns. With one place, too.
func TestHangingJobsHoldUpNobody(t *testing.T) {
	for _, parallel := range []int{1, 4, 16} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, noon, Options{Parallel: parallel})
			var entries []Entry
			for i := range 3 * parallel {
				e := w.lane(fmt.Sprint("hangs", i), "*/5 * * * *", time.Hour, false, false)
				run := e.Run
				var began atomic.Int64
				e.Run = func(ctx context.Context, asked bool) Result {
					began.Store(time.Now().UnixNano())
					return run(ctx, asked)
				}
				e.Slowly = func() bool { return time.Since(time.Unix(0, began.Load())) > 2*time.Minute }
				entries = append(entries, e)
			}
			for i := range 4 {
				entries = append(entries, w.lane(fmt.Sprint("quick", i), "*/5 * * * *", time.Second, false, true))
			}
			w.loop.Set(entries)
			w.run()
			time.Sleep(48 * time.Hour)
			for i := range 4 {
				late := 0
				starts := w.of(fmt.Sprint("quick", i))
				for _, s := range starts {
					if s.at.Sub(s.at.Truncate(5*time.Minute)) > 10*time.Second {
						late++
					}
				}
				if late > 12 || len(starts) < 48*12-20 {
					t.Errorf("parallel %d: quick%d ran %d times, %d of them late", parallel, i, len(starts), late)
				}
			}
			for i := range 3 * parallel {
				if n := len(w.of(fmt.Sprint("hangs", i))); n < 48*slowPlaces(parallel)/(3*parallel)-2 {
					t.Errorf("parallel %d: hangs%d ran %d times", parallel, i, n)
				}
			}
			if w.atMost() > parallel+slowPlaces(parallel) {
				t.Errorf("%d ran at once", w.atMost())
			}
		})
	}
}

// A host's limits hold in the slow lane too.
func TestSlowLaneOfAHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, noon, Options{Parallel: 8, PerHost: 1, HostRate: 1})
		var entries []Entry
		for _, name := range []string{"a", "b", "c"} {
			e := w.lane(name, "@every 24h", 5*time.Minute, false, false)
			e.Host, e.Slow = "x", true
			entries = append(entries, e)
		}
		w.loop.Set(entries)
		w.run()
		time.Sleep(time.Hour)
		if got := w.story(noon); len(w.of("a")) != 0 || w.atMost() != 1 || got == "" {
			t.Errorf("%d at once: %s", w.atMost(), got)
		}
	})
}

// What has to be done soon is done at once, but not before it may.
func TestSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, noon, Options{})
		n := 0
		e := w.entry("a", "@every 24h", 0)
		e.Gap = 10 * time.Minute
		e.Run = w.job("a", time.Minute, func() Result {
			n++
			return Result{Soon: n < 3, Brisk: true}
		})
		w.loop.Set([]Entry{e})
		w.run()
		time.Sleep(2 * time.Hour)
		if got := w.story(noon); got != "a@0s a@10m0s a@20m0s" {
			t.Error(got)
		}
	})
}

// Parallel has the same lanes: what hangs holds up nobody, and is made again where it had to end.
func TestParallelLanes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		tr := &trace{start: start}
		runs, slow := map[int]int{}, map[int]bool{}
		var jobs []Job
		for i := range 6 {
			jobs = append(jobs, Job{Host: "hangs", Slowly: func() bool { return true }, Run: func(ctx context.Context) error {
				tr.mu.Lock()
				runs[i]++
				tr.running++
				tr.most = max(tr.most, tr.running)
				tr.mu.Unlock()
				defer func() {
					tr.mu.Lock()
					tr.running--
					slow[i] = Slow(ctx)
					tr.mu.Unlock()
				}()
				select {
				case <-ctx.Done():
					return context.Cause(ctx)
				case <-time.After(time.Hour):
					return nil
				}
			}})
		}
		for i := range 4 {
			jobs = append(jobs, tr.job(fmt.Sprint("quick", i), "", time.Second))
		}
		quick := time.Duration(0)
		last := jobs[9].Run
		jobs[9].Run = func(ctx context.Context) error {
			err := last(ctx)
			quick = time.Since(start)
			return err
		}
		for i, err := range Parallel(t.Context(), Options{Parallel: 4}, jobs) {
			if err != nil {
				t.Errorf("job %d: %v", i, err)
			}
		}
		if quick > 5*time.Minute || tr.most > 5 {
			t.Errorf("the last quick one ended after %v, %d at once", quick, tr.most)
		}
		if took := time.Since(start); took > 7*time.Hour {
			t.Errorf("all of it took %v", took)
		}
		for i, n := range runs {
			if n > 2 {
				t.Errorf("job %d ran %d times", i, n)
			}
		}
	})
}

// A job that had to end, and waits for its turn when all of it ends, keeps what it said.
func TestParallelEndsWhileOneWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		time.AfterFunc(30*time.Minute, stop)
		hang := Job{Slowly: func() bool { return true }, Run: func(ctx context.Context) error {
			<-ctx.Done()
			return context.Cause(ctx)
		}}
		quick := Job{Run: func(context.Context) error { return nil }}
		got := Parallel(ctx, Options{Parallel: 2}, []Job{hang, hang, hang, hang, quick})
		moved, ended := 0, 0
		for _, err := range got[:4] {
			if errors.Is(err, ErrMoved) {
				moved++
			}
			if errors.Is(err, context.Canceled) {
				ended++
			}
		}
		if moved == 0 || ended == 0 || moved+ended != 4 || got[4] != nil {
			t.Error(got)
		}
	})
}
