package schedule

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// world is a loop in a bubble of synctest, with a wall clock that can be set, and notes of what ran.
type world struct {
	t    testing.TB
	loop *Loop

	mu     sync.Mutex
	ahead  time.Duration // of the wall clock, before the bubble's
	starts []start
	active map[string]int
	all    int // that run now
	most   int // that ever ran at once
	beats  int
	onBeat func()
	stop   func()
}

// start is one run's beginning.
type start struct {
	name  string
	at    time.Time // by the wall clock
	mono  time.Time // by the bubble's
	asked bool
}

// newWorld begins at this time by the wall clock; zero: the bubble's own.
func newWorld(t testing.TB, at time.Time, o Options) *world {
	w := &world{t: t, active: map[string]int{}, onBeat: func() {}}
	if !at.IsZero() {
		w.ahead = time.Until(at)
	}
	o.Now = w.now
	o.Beat = func(time.Time) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.beats++
		w.onBeat()
	}
	w.loop = NewLoop(o)
	return w
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.wall()
}

func (w *world) wall() time.Time { return time.Now().Add(w.ahead).UTC() }

// jump sets the wall clock forward or back.
func (w *world) jump(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ahead += d
}

// run starts the loop; it is stopped when the test ends, or by w.stop.
func (w *world) run() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.loop.Run(ctx)
	}()
	w.stop = func() { cancel(); <-done }
	w.t.Cleanup(w.stop)
}

// entry makes a job that takes so long, or less if its context ends.
func (w *world) entry(name, spec string, takes time.Duration) Entry {
	return Entry{Name: name, Schedule: parsed(w.t, spec), Location: time.UTC, Run: w.job(name, takes, nil)}
}

func (w *world) job(name string, takes time.Duration, then func() Result) func(context.Context, bool) Result {
	return func(ctx context.Context, asked bool) Result {
		w.mu.Lock()
		w.starts = append(w.starts, start{name, w.wall(), time.Now(), asked})
		w.active[name]++
		w.all++
		w.most = max(w.most, w.all)
		if w.active[name] > 1 {
			w.t.Errorf("%s overlaps with itself at %v", name, w.wall())
		}
		w.mu.Unlock()
		timer := time.NewTimer(takes)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
		w.mu.Lock()
		w.active[name]--
		w.all--
		w.mu.Unlock()
		if then == nil {
			return Result{}
		}
		return then()
	}
}

// atMost is how many ran at once. The loop may be starting some at this very moment.
func (w *world) atMost() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.most
}

// of gives the starts of one job.
func (w *world) of(name string) (times []start) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.starts {
		if s.name == name {
			times = append(times, s)
		}
	}
	return times
}

// story writes all starts since the last call as name@time since from, in order; ! after what somebody asked for.
func (w *world) story(from time.Time) string {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	var s []string
	for _, x := range w.starts {
		mark := ""
		if x.asked {
			mark = "!"
		}
		s = append(s, fmt.Sprintf("%s%s@%v", x.name, mark, x.at.Sub(from)))
	}
	w.starts = nil
	return strings.Join(s, " ")
}

// state of one entry.
func (w *world) state(name string) State {
	states := w.loop.State()
	if i := slices.IndexFunc(states, func(s State) bool { return s.Name == name }); i >= 0 {
		return states[i]
	}
	return State{}
}
