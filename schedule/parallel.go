package schedule

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"
	"time"
)

// Job is one piece of work.
type Job struct {
	Host string // counts towards the limit per host; "": towards none
	// Run is called on a goroutine of its own, and once more after it returned an error that is ErrMoved.
	Run func(ctx context.Context) error

	Slow   bool        // it begins in the slow lane
	Slowly func() bool // see Entry.Slowly
	Brisk  func() bool // it returned ErrMoved: whether it goes on in an ordinary place, see Result.Brisk; nil: never
}

// ErrNotStarted is the result of a job that was still waiting when the context ended. The context's cause is wrapped
// beside it.
var ErrNotStarted = errors.New("not started")

// PanicError is the result of a job that panicked.
type PanicError struct {
	Value any    // what it panicked with; nil: it left by runtime.Goexit
	Stack []byte // of the job's goroutine, for a log
}

// Error gives the value in printable ASCII, without the stack.
func (e *PanicError) Error() string {
	if e.Value == nil {
		return "left its goroutine without a result"
	}
	q := strconv.QuoteToASCII(fmt.Sprint(e.Value))
	if len(q) > 300 {
		q = q[:300] + `..."`
	}
	return "panic: " + q
}

// Parallel runs jobs, at most o.Parallel at a time and at most o.PerHost with the same Host, and returns when none runs any
// more; a quarter as many run beside them in the slow lane: see Loop. Of o, only Parallel, PerHost, SlowAfter and Look count. A
// job that waits for its host holds up no job of another host. Jobs start in their order as far as that allows.
//
// The result has one entry per job: what Run returned last, a *PanicError, or ErrNotStarted. When ctx ends no further job is
// started; running jobs see the same ctx and are waited for.
func Parallel(ctx context.Context, o Options, jobs []Job) []error {
	p := newParallel(o, jobs)
	tick := time.NewTicker(glance(p.o.SlowAfter, p.o.Look))
	defer tick.Stop()
	for {
		p.start(ctx)
		if p.running+p.slowRunning == 0 {
			break
		}
		select {
		case i := <-p.done:
			p.ended(i)
		case <-tick.C:
			if ctx.Err() == nil {
				p.makeRoom()
			}
		}
	}
	for i := range jobs {
		if !p.begun[i] {
			p.results[i] = fmt.Errorf("%w: %w", ErrNotStarted, context.Cause(ctx))
		}
	}
	return p.results
}

// guard calls f on the caller's goroutine and failed if f doesn't return. After runtime.Goexit the goroutine goes on to
// end: what has to happen then is deferred by the caller.
func guard(f func(), failed func(*PanicError)) {
	returned := false
	defer func() {
		if !returned {
			failed(&PanicError{Value: recover(), Stack: debug.Stack()})
		}
	}()
	f()
	returned = true
}
