package schedule

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestLoopIsolatesPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		panicked := map[string][]string{}
		w := newWorld(t, noon, Options{PerHost: 1, Panicked: func(name string, err *PanicError) {
			mu.Lock()
			defer mu.Unlock()
			panicked[name] = append(panicked[name], err.Error())
		}})
		bad, gone, good := w.entry("bad", "*/10 * * * *", 0), w.entry("gone", "*/10 * * * *", 0), w.entry("good", "*/10 * * * *", time.Second)
		bad.Run = w.job("bad", time.Second, func() Result { panic("oh") })
		gone.Run = w.job("gone", time.Second, func() Result { runtime.Goexit(); return Result{} })
		bad.Host, gone.Host, good.Host = "x", "x", "x"
		bad.NotBefore = noon.Add(time.Hour)
		w.loop.Set([]Entry{bad, gone, good})
		w.run()
		w.loop.Wake("bad")
		time.Sleep(5 * time.Minute)
		if s := w.state("bad"); !s.NotBefore.Equal(noon.Add(time.Hour)) || !s.Next.Equal(s.NotBefore) {
			t.Errorf("%+v", s)
		}
		time.Sleep(90 * time.Minute)
		mu.Lock()
		defer mu.Unlock()
		if n := len(w.of("bad")); n != 5 || len(panicked["bad"]) != n || panicked["bad"][0] != `panic: "oh"` {
			t.Errorf("%d runs, %q", n, panicked["bad"])
		}
		if n := len(w.of("gone")); n != 9 || len(panicked["gone"]) != n {
			t.Errorf("%d runs, %q", n, panicked["gone"])
		}
		if n := len(w.of("good")); n != 9 {
			t.Errorf("%d runs", n)
		}
	})
}

func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		why := errors.New("told to stop")
		w := newWorld(t, noon, Options{Parallel: 2})
		var causes []error
		slow := func(name string, d time.Duration) Entry {
			e := w.entry(name, "@every 1s", 0)
			run := w.job(name, time.Hour, nil)
			e.Run = func(ctx context.Context, asked bool) Result {
				run(ctx, asked)
				time.Sleep(d)
				w.mu.Lock()
				defer w.mu.Unlock()
				causes = append(causes, context.Cause(ctx))
				return Result{}
			}
			return e
		}
		w.loop.Set([]Entry{slow("a", 3*time.Second), slow("b", 150*time.Second), w.entry("c", "0 0 * * *", 0)})
		ctx, stop := context.WithCancelCause(t.Context())
		time.AfterFunc(5*time.Second, func() { stop(why); w.loop.Wake() })
		w.loop.Run(ctx)
		if d := w.now().Sub(noon); d != 155*time.Second || len(causes) != 2 || causes[0] != why || causes[1] != why {
			t.Errorf("ended after %v, %v", d, causes)
		}
		if got := w.story(noon); got != "a@0s b@0s" && got != "b@0s a@0s" {
			t.Error(got)
		}
		w.mu.Lock()
		if w.beats < 4 { // a watchdog is fed to the end
			t.Errorf("%d beats", w.beats)
		}
		w.mu.Unlock()
		// Nothing of it hangs afterwards.
		w.loop.Set(w.crowd("x", "y"))
		w.loop.Wake()
		w.loop.Set(nil)
	})
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		stop()
		w := newWorld(t, noon, Options{})
		w.loop.Set(w.crowd("x"))
		w.loop.Run(ctx)
		if got := w.story(noon); got != "" {
			t.Error(got)
		}
	})
}

// Everything at once, from several goroutines: nothing overlaps with itself, limits hold, and what stays is on time again
// once it is quiet.
func TestCommandsAtRandom(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, noon, Options{Parallel: 7, PerHost: 3, HostRate: 120})
			all := make([]Entry, 30)
			r := rand.New(rand.NewPCG(seed, 0))
			for i := range all {
				e := w.entry(fmt.Sprint(i), []string{"* * * * *", "@every 20s", "*/7 * * * *"}[i%3], time.Duration(r.IntN(90))*time.Second)
				e.Host, e.Jitter, e.PerHost = fmt.Sprint(i%5), time.Duration(r.IntN(60))*time.Second, i%2*2
				if i%7 == 0 {
					run := e.Run
					e.Run = func(ctx context.Context, asked bool) Result { run(ctx, asked); panic("now and then") }
				}
				all[i] = e
			}
			w.run()
			var wg sync.WaitGroup
			for g := range uint64(4) {
				r := rand.New(rand.NewPCG(seed, g+1))
				wg.Go(func() {
					for range 150 {
						time.Sleep(time.Duration(r.IntN(20000)) * time.Millisecond)
						e := all[r.IntN(len(all))]
						switch r.IntN(6) {
						case 0:
							some := append([]Entry(nil), all...)
							r.Shuffle(len(some), func(i, j int) { some[i], some[j] = some[j], some[i] })
							some = some[:r.IntN(len(some)+1)]
							for i := range some {
								some[i].Host, some[i].Version = fmt.Sprint(r.IntN(5)), fmt.Sprint(r.IntN(2))
							}
							w.loop.Set(some)
						case 1:
							w.loop.Wake(e.Name)
						case 2:
							w.loop.Wake()
						case 3, 4:
							w.loop.Pause(e.Name, r.IntN(2) == 0)
						case 5:
							w.jump([]time.Duration{-decade, -time.Hour, time.Hour, decade}[r.IntN(4)])
						}
						w.check()
					}
				})
			}
			wg.Wait()
			w.loop.Set(nil)
			time.Sleep(5 * time.Minute)
			w.loop.Set(nil) // forgets hosts whose last run has ended
			if w.all != 0 || w.loop.running != 0 || len(w.loop.jobs)+len(w.loop.hosts.named) != 0 || w.most > 7 {
				t.Errorf("seed %d: %d run, %d jobs, %d hosts, at most %d at once", seed, w.all, len(w.loop.jobs), len(w.loop.hosts.named), w.most)
			}
			w.story(noon)
			for i := range all {
				all[i].Run, all[i].Jitter = w.job(all[i].Name, time.Second, nil), 0
			}
			w.loop.SetLimits(50, 0, 0)
			w.loop.Set(all)
			time.Sleep(7*time.Minute - time.Millisecond)
			for i, e := range all {
				if n := len(w.of(e.Name)); n != []int{7, 21, 1}[i%3] {
					t.Errorf("seed %d: %s ran %d times", seed, e.Name, n)
				}
			}
		})
	}
}

// check compares the loop's piles with what they should hold.
func (w *world) check() {
	l := w.loop
	l.mu.Lock()
	defer l.mu.Unlock()
	running := 0
	for name, h := range l.hosts.named {
		running += h.running
		if h.running < 0 || h.readyAt > 0 && h.pacedAt > 0 || len(h.waiting.items) == 0 && h.readyAt+h.pacedAt > 0 {
			w.t.Errorf("host %s: %+v", name, h)
		}
		if n := len(h.waiting.items); n > 0 && h.readyAt+h.pacedAt == 0 && (h.limit == 0 || h.running < h.limit) {
			w.t.Errorf("host %s: %d wait and nobody knows", name, n)
		}
	}
	if running != l.running {
		w.t.Errorf("%d run, at hosts %d", l.running, running)
	}
	for name, j := range l.jobs {
		places := 0
		for _, in := range []bool{j.dueAt > 0, j.queue != nil, j.run != nil, j.run == nil && j.paused} {
			if in {
				places++
			}
		}
		if places == 0 || places > 1 && !(j.asked && j.paused) || (j.queueAt > 0) != (j.queue != nil) || j.gone && j.run == nil {
			w.t.Errorf("%s is in %d places: %+v", name, places, j)
		}
	}
}
