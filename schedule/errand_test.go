package schedule

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// errands makes a job that asks for errands, so long after each of its first n runs. It notes when it ran, an errand with e.
type errands struct {
	w    *world
	ran  []string
	left int
	in   time.Duration
	says Result // of the first run, beside Errand
}

func (x *errands) run(ctx context.Context, asked bool) Result {
	x.w.mu.Lock()
	defer x.w.mu.Unlock()
	text := x.w.wall().Format("15:04")
	if IsErrand(ctx) {
		text += "e"
	}
	if asked {
		text += "!"
	}
	x.ran = append(x.ran, text)
	r := x.says
	x.says = Result{}
	if x.left > 0 {
		x.left--
		r.Errand = x.w.wall().Add(x.in)
	}
	return r
}

func (x *errands) story() string {
	synctest.Wait()
	x.w.mu.Lock()
	defer x.w.mu.Unlock()
	return strings.Join(x.ran, " ")
}

// An errand comes at its own time, and moves nothing of the schedule.
func TestErrand(t *testing.T) {
	for _, tt := range []struct {
		name   string
		spec   string
		change func(*Entry, *errands)
		then   func(*world)
		want   string
	}{
		{name: "between", spec: "0 * * * *", want: "13:00 13:07e 13:14e 13:21e 14:00"},
		{name: "no later than a run", spec: "*/5 * * * *", change: func(_ *Entry, x *errands) { x.left = 1 }, want: "12:05 12:10 12:15 12:20 12:25 12:30 12:35 12:40 12:45 12:50 12:55 13:00 13:05 13:10 13:15 13:20 13:25 13:30 13:35 13:40 13:45 13:50 13:55 14:00"},
		{name: "@every counts from runs", spec: "@every 30m", want: "12:00 12:07e 12:14e 12:21e 12:30 13:00 13:30 14:00"},
		{name: "a gap", spec: "0 * * * *", change: func(e *Entry, _ *errands) { e.Gap = 50 * time.Minute }, want: "13:00 13:07e 13:14e 13:21e 14:00"},
		{name: "a failure's wait", spec: "0 * * * *", change: func(_ *Entry, x *errands) {
			x.says = Result{NotBefore: noon.Add(90 * time.Minute), Again: true}
		}, want: "13:00 13:07e 13:14e 13:21e 13:30 14:00"},
		{name: "as stored", spec: "0 * * * *", change: func(e *Entry, x *errands) { e.Errand, x.left = noon.Add(3*time.Minute), 0 }, want: "12:03e 13:00 14:00"},
		{name: "asked", spec: "0 * * * *", then: func(w *world) { time.Sleep(65 * time.Minute); w.loop.Wake() }, want: "13:00 13:05! 13:12e 13:19e 14:00"},
		{name: "paused", spec: "0 * * * *", then: func(w *world) {
			time.Sleep(65 * time.Minute)
			if err := w.loop.Pause("a", true); err != nil {
				t.Error(err)
			}
		}, want: "13:00"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, noon, Options{Parallel: 1, PerHost: 1, HostRate: 1})
				x := &errands{w: w, left: 3, in: 7 * time.Minute}
				e := w.entry("a", tt.spec, 0)
				e.Host, e.Run = "h", x.run
				if tt.change != nil {
					tt.change(&e, x)
				}
				w.loop.Set([]Entry{e})
				w.run()
				began := time.Now()
				if tt.then != nil {
					tt.then(w)
				}
				time.Sleep(2*time.Hour + time.Second - time.Since(began))
				if got := x.story(); got != tt.want {
					t.Errorf("got  %s\nwant %s", got, tt.want)
				}
			})
		})
	}
}

// A host that is full, or whose rate is used up, holds up no errand; a busy loop does.
func TestErrandTakesNoHost(t *testing.T) {
	for _, parallel := range []int{1, 2} {
		t.Run(fmt.Sprint(parallel), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, noon, Options{Parallel: parallel, PerHost: 1, SlowAfter: 24 * time.Hour})
				x := &errands{w: w}
				e, long := w.entry("a", "0 6 * * *", 0), w.entry("long", "0 * * * *", 30*time.Minute)
				e.Host, e.Run, e.Errand, long.Host = "h", x.run, noon.Add(65*time.Minute), "h"
				w.loop.Set([]Entry{e, long})
				w.run()
				time.Sleep(100 * time.Minute)
				want := map[int]string{1: "13:30e", 2: "13:05e"}[parallel]
				if got := x.story(); got != want {
					t.Errorf("got %s, want %s", got, want)
				}
			})
		})
	}
}

// What is shown as the next run is the next run.
func TestErrandIsNoNextRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, noon, Options{Parallel: 1})
		x := &errands{w: w}
		e := w.entry("a", "0 * * * *", 0)
		e.Run, e.Errand = x.run, noon.Add(5*time.Minute)
		w.loop.Set([]Entry{e})
		w.run()
		synctest.Wait()
		if s := w.loop.State(); !s[0].Next.Equal(noon.Add(time.Hour)) {
			t.Errorf("next at %v", s[0].Next)
		}
	})
}
