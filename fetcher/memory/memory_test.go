package memory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const mib = 1 << 20

// arrivals are passes that wait for a share, each on a goroutine of its own, and the order in which they had it.
type arrivals struct {
	mu    sync.Mutex
	order []string
	errs  map[string]error
	got   map[string]*Share
}

func (a *arrivals) take(ctx context.Context, m *Budget, name string, octets int64, wait time.Duration) {
	go func() {
		s, err := m.Take(ctx, octets, wait, nil)
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.errs == nil {
			a.errs, a.got = map[string]error{}, map[string]*Share{}
		}
		a.errs[name], a.got[name] = err, s
		if err == nil {
			a.order = append(a.order, name)
		}
	}()
	synctest.Wait()
}

func (a *arrivals) share(name string) *Share {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.got[name]
}

func (a *arrivals) err(name string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.errs[name]
}

func (a *arrivals) want(t *testing.T, names ...string) {
	t.Helper()
	synctest.Wait()
	a.mu.Lock()
	defer a.mu.Unlock()
	if !slices.Equal(a.order, names) {
		t.Fatalf("%v have their share, want %v", a.order, names)
	}
}

func (m *Budget) empty(t *testing.T) {
	t.Helper()
	for _, l := range []*lane{&m.small, &m.large} {
		if l.held != 0 || len(l.shares)+len(l.queue) != 0 {
			t.Errorf("%d octets are held by %d, %d wait", l.held, len(l.shares), len(l.queue))
		}
	}
}

// Who does not fit waits in order of arrival, also behind one that is too large for what is free.
func TestMemoryInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []int64
		m := NewBudget(800*mib, func(held int64) { told = append(told, held/mib) })
		var a arrivals
		for _, of := range []struct {
			name   string
			octets int64
		}{{"a", 400}, {"b", 300}, {"c", 600}, {"d", 150}, {"e", 600}} {
			a.take(t.Context(), m, of.name, of.octets*mib, time.Hour)
		}
		a.want(t, "a", "b") // d would fit
		a.share("a").Release()
		a.share("a").Release()
		a.want(t, "a", "b")
		a.share("b").Release()
		a.want(t, "a", "b", "c")
		a.share("c").Release()
		a.want(t, "a", "b", "c", "d")
		a.share("d").Release()
		a.want(t, "a", "b", "c", "d", "e")
		a.share("e").Release()
		m.empty(t)
		if most := slices.Max(told); most != 699 || told[len(told)-1] != 0 {
			t.Errorf("told of %v", told)
		}
	})
}

// Small mailboxes do not wait for large ones, and wait for each other.
func TestMemoryOfSmallOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewBudget(640*mib, nil)
		var a arrivals
		a.take(t.Context(), m, "large", 560*mib, time.Hour)
		a.take(t.Context(), m, "waits", 560*mib, time.Hour)
		for i := range 9 {
			a.take(t.Context(), m, fmt.Sprint(i), 10*mib, time.Hour)
		}
		a.want(t, "large", "0", "1", "2", "3", "4", "5", "6", "7")
		a.share("3").Release()
		a.want(t, "large", "0", "1", "2", "3", "4", "5", "6", "7", "8")
	})
}

// One that is larger than the whole budget runs when nobody else does, and nobody beside it.
func TestMemoryAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewBudget(100*mib, nil)
		var a arrivals
		a.take(t.Context(), m, "a", 10*mib, time.Hour)
		a.take(t.Context(), m, "giant", 5000*mib, time.Hour)
		a.take(t.Context(), m, "b", 10*mib, time.Hour)
		a.want(t, "a")
		a.share("a").Release()
		a.want(t, "a", "giant")
		if err := a.share("giant").Set(OfRows, 9000*mib); err != nil {
			t.Errorf("alone it may grow: %v", err)
		}
		a.share("giant").Release()
		a.want(t, "a", "giant", "b")
		a.share("b").Release()
		m.empty(t)
	})
}

// The wait is bounded, and ends with the context; those behind go on.
func TestMemoryWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewBudget(100*mib, nil)
		ctx, cancel := context.WithCancelCause(t.Context())
		var a arrivals
		a.take(t.Context(), m, "a", 60*mib, time.Hour)
		a.take(t.Context(), m, "patient", 80*mib, 10*time.Minute)
		a.take(ctx, m, "stopped", 80*mib, time.Hour)
		a.take(t.Context(), m, "b", 20*mib, time.Hour)
		begun := time.Now()
		stop := errors.New("stop")
		cancel(stop)
		a.want(t, "a")
		if a.err("stopped") != stop {
			t.Error(a.err("stopped"))
		}
		time.Sleep(10*time.Minute + time.Second)
		a.want(t, "a", "b")
		if !errors.Is(a.err("patient"), ErrNoMemory) || time.Since(begun) > 11*time.Minute {
			t.Error(a.err("patient"))
		}
		if _, err := m.Take(ctx, 80*mib, time.Hour, nil); err != stop {
			t.Error(err)
		}
		a.share("a").Release()
		a.share("b").Release()
		m.empty(t)
	})
}

// A share grows as long as there is room, and what does not fit is given up, to be waited for as a whole. What is not needed
// is given back.
func TestMemoryGrows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewBudget(640*mib, nil)
		var a arrivals
		a.take(t.Context(), m, "a", PassOctets, time.Hour)
		a.take(t.Context(), m, "b", 300*mib, time.Hour)
		s := a.share("a")
		for octets := int64(0); octets < 200*mib; octets += mib {
			if err := s.Set(OfListing, octets); err != nil {
				t.Fatal(octets/mib, err)
			}
		}
		if s.lane != &m.large || m.small.held != 0 {
			t.Error("it has become large")
		}
		var cut *CutError
		if err := s.Set(OfRows, 100*mib); !errors.As(err, &cut) || cut.slow || cut.Need != 2*(PassOctets+299*mib) {
			t.Errorf("%v", err)
		}
		s.Release()
		a.take(t.Context(), m, "a again", 500*mib, time.Hour)
		a.want(t, "a", "b")
		if err := a.share("b").Set(OfListing, 30*mib); err != nil {
			t.Error(err)
		}
		a.share("b").Fit()
		a.want(t, "a", "b", "a again")
		a.share("b").Release()
		a.share("a again").Release()
		m.empty(t)
	})
}

// What has become large while others wait for their turn comes after them.
func TestMemoryGrowsPastTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewBudget(640*mib, nil)
		var a arrivals
		a.take(t.Context(), m, "a", PassOctets, time.Hour)
		a.take(t.Context(), m, "b", 300*mib, time.Hour)
		a.take(t.Context(), m, "c", 400*mib, time.Hour)
		var cut *CutError
		if err := a.share("a").Set(OfListing, 20*mib); !errors.As(err, &cut) {
			t.Error(err)
		}
	})
}

// A listing that trickles while others wait is ended; one that comes fast enough, or that nobody waits for, is not.
func TestMemoryOfATrickle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewBudget(640*mib, nil)
		var a arrivals
		a.take(t.Context(), m, "fast", 200*mib, time.Hour)
		a.take(t.Context(), m, "slow", 300*mib, time.Hour)
		fast, doneFast := a.share("fast").Listing(t.Context())
		slow, doneSlow := a.share("slow").Listing(t.Context())
		defer doneFast()
		comes := func(d time.Duration) {
			for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(time.Second) {
				if err := a.share("fast").Set(OfListing, mib); err != nil {
					t.Error(err)
				}
			}
		}
		comes(time.Hour)
		if slow.Err() != nil {
			t.Error("nobody waits")
		}
		a.take(t.Context(), m, "waits", 350*mib, time.Hour)
		comes(slowLook + 5*time.Second)
		var cut *CutError
		if !errors.As(context.Cause(slow), &cut) || !cut.slow || cut.Need != 300*mib {
			t.Errorf("slow: %v", context.Cause(slow))
		}
		if fast.Err() != nil {
			t.Error(context.Cause(fast))
		}
		doneSlow()
		a.share("slow").Release()
		a.want(t, "fast", "slow", "waits")
	})
}

// Nothing is bounded without a budget.
func TestNoMemory(t *testing.T) {
	var m *Budget
	s, err := m.Take(t.Context(), 1<<60, 0, nil)
	if s != nil || err != nil {
		t.Fatal(s, err)
	}
	ctx, done := s.Listing(t.Context())
	done()
	if ctx.Err() != nil || s.Set(OfRows, 1<<60) != nil {
		t.Error("no budget, and something is refused")
	}
	s.Fit()
	s.Release()
}

// A budget that is changed lets in who fits now.
func TestMemoryResized(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewBudget(100*mib, nil)
		var a arrivals
		a.take(t.Context(), m, "a", 60*mib, time.Hour)
		a.take(t.Context(), m, "b", 60*mib, time.Hour)
		a.want(t, "a")
		m.Resize(200 * mib)
		a.want(t, "a", "b")
		m.Resize(0)
		a.share("a").Release()
		a.share("b").Release()
		m.empty(t)
	})
}
