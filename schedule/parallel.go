package schedule

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"
)

// Job is one piece of work.
type Job struct {
	Host string                          // counts towards the limit per host; "": towards none
	Run  func(ctx context.Context) error // is called at most once, on a goroutine of its own
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

// Parallel runs jobs, at most n at a time (less than 1 counts as 1) and at most perHost at a time with the same Host
// (0: no limit), and returns when none runs any more. A job that waits for its host holds up no job of another host.
// Jobs start in their order as far as that allows.
//
// The result has one entry per job: what Run returned, a *PanicError, or ErrNotStarted. When ctx ends no further job is
// started; running jobs see the same ctx and are waited for.
func Parallel(ctx context.Context, n, perHost int, jobs []Job) []error {
	results := make([]error, len(jobs))
	q := newQueue(perHost, jobs)
	done := make(chan int)
	running := 0
	for {
		for running < max(n, 1) && ctx.Err() == nil {
			i, ok := q.take()
			if !ok {
				break
			}
			running++
			go func() {
				defer func() { done <- i }()
				guard(func() { results[i] = jobs[i].Run(ctx) }, func(p *PanicError) { results[i] = p })
			}()
		}
		if running == 0 {
			break
		}
		q.release(<-done)
		running--
	}
	for _, i := range q.rest() {
		results[i] = fmt.Errorf("%w: %w", ErrNotStarted, context.Cause(ctx))
	}
	return results
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
