package schedule

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// trace notes when jobs run, in seconds since the bubble began.
type trace struct {
	mu      sync.Mutex
	start   time.Time
	lines   []string
	running int
	most    int
}

func (tr *trace) job(name, host string, d time.Duration) Job {
	return Job{Host: host, Run: func(ctx context.Context) error {
		tr.mu.Lock()
		tr.lines = append(tr.lines, fmt.Sprintf("%s@%v", name, time.Since(tr.start)))
		tr.running++
		tr.most = max(tr.most, tr.running)
		tr.mu.Unlock()
		time.Sleep(d)
		tr.mu.Lock()
		tr.running--
		tr.mu.Unlock()
		return nil
	}}
}

func (tr *trace) String() string {
	slices.Sort(tr.lines)
	return strings.Join(tr.lines, " ")
}

func TestParallelLimits(t *testing.T) {
	for _, tt := range []struct {
		n, perHost int
		most       int
		want       string
	}{
		{10, 0, 6, "a@0s b@0s c@0s d@0s e@0s f@0s"},
		{2, 0, 2, "a@0s b@0s c@10s d@10s e@20s f@20s"},
		{0, 0, 1, "a@0s b@10s c@20s d@30s e@40s f@50s"},
		// a, b, c share a host; d, e and f must not wait behind them.
		{10, 1, 4, "a@0s b@10s c@20s d@0s e@0s f@0s"},
		{2, 1, 2, "a@0s b@20s c@30s d@0s e@10s f@10s"},
		{10, 2, 5, "a@0s b@0s c@10s d@0s e@0s f@0s"},
	} {
		synctest.Test(t, func(t *testing.T) {
			tr := &trace{start: time.Now()}
			var jobs []Job
			for _, name := range []string{"a", "b", "c"} {
				jobs = append(jobs, tr.job(name, "slow.example", 10*time.Second))
			}
			jobs = append(jobs, tr.job("d", "other.example", 10*time.Second), tr.job("e", "", 10*time.Second), tr.job("f", "", 10*time.Second))
			for i, err := range Parallel(t.Context(), Options{Parallel: tt.n, PerHost: tt.perHost}, jobs) {
				if err != nil {
					t.Errorf("job %d: %v", i, err)
				}
			}
			if got := tr.String(); got != tt.want || tr.most != tt.most {
				t.Errorf("n=%d perHost=%d:\ngot  %s (%d at once)\nwant %s (%d)", tt.n, tt.perHost, got, tr.most, tt.want, tt.most)
			}
		})
	}
}

func TestParallelIsolatesPanics(t *testing.T) {
	boom := errors.New("boom")
	ran := 0
	jobs := []Job{
		{Host: "h", Run: func(context.Context) error { panic("bad \x1b thing") }},
		{Host: "h", Run: func(context.Context) error { runtime.Goexit(); return nil }},
		{Host: "h", Run: func(context.Context) error { return boom }},
		{Host: "h", Run: func(context.Context) error { return []error{}[ran*0] }},
		{Host: "h", Run: func(context.Context) error { ran++; return nil }},
	}
	got := Parallel(t.Context(), Options{Parallel: 2, PerHost: 1}, jobs)
	var p *PanicError
	if !errors.As(got[0], &p) || p.Error() != `panic: "bad \x1b thing"` || !strings.Contains(string(p.Stack), "TestParallelIsolatesPanics") {
		t.Errorf("panic: %v", got[0])
	}
	if !errors.As(got[1], &p) || p.Value != nil {
		t.Errorf("Goexit: %v", got[1])
	}
	if got[2] != boom || got[4] != nil || ran != 1 {
		t.Errorf("others: %v, ran %d", got, ran)
	}
	if !errors.As(got[3], &p) {
		t.Errorf("run-time error: %v", got[3])
	} else if _, ok := p.Value.(runtime.Error); !ok {
		t.Errorf("value %T", p.Value)
	}
}

func TestParallelStopsStarting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		why := errors.New("told to stop")
		ctx, stop := context.WithCancelCause(t.Context())
		time.AfterFunc(15*time.Second, func() { stop(why) })
		tr := &trace{start: time.Now()}
		var jobs []Job
		for i := range 6 {
			jobs = append(jobs, tr.job(fmt.Sprint(i), "h", 10*time.Second))
		}
		got := Parallel(ctx, Options{Parallel: 2, PerHost: 1}, jobs)
		if tr.String() != "0@0s 1@10s" || time.Since(tr.start) != 20*time.Second {
			t.Errorf("ran %s, returned after %v", tr, time.Since(tr.start))
		}
		for i, err := range got {
			if started := i < 2; started != (err == nil) || !started && (!errors.Is(err, ErrNotStarted) || !errors.Is(err, why)) {
				t.Errorf("job %d: %v", i, err)
			}
		}
	})
}

func TestParallelOfNothing(t *testing.T) {
	if got := Parallel(t.Context(), Options{Parallel: 4, PerHost: 4}, nil); len(got) != 0 {
		t.Errorf("got %v", got)
	}
}
