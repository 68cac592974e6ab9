package tokens

import (
	"context"
	"sync"
	"time"
)

// endpoint is what this process knows of a token endpoint: how many requests are under way, and since when it fails everybody.
//
// One token that fails says nothing of the others; two different ones in a row say that the endpoint is down. Then one at a time is
// tried, at growing intervals, until one is answered.
type endpoint struct {
	slots chan struct{}

	mu      sync.Mutex
	waiting int
	fails   int    // in a row
	failed  string // the token that failed last
	until   time.Time
	trying  bool // while it is down: somebody is finding out
}

func (k *Keeper) endpoint(key string) *endpoint {
	k.mu.Lock()
	defer k.mu.Unlock()
	e := k.endpoints[key]
	if e == nil {
		e = &endpoint{slots: make(chan struct{}, k.o.AtOnce)}
		k.endpoints[key] = e
	}
	return e
}

const (
	downAfter = 2               // failures of different tokens
	spread    = time.Second     // over which those are spread who had to wait for a slot
	leastDown = 5 * time.Second // that is told to wait where somebody else is finding out
)

// down gives how long the endpoint is not to be asked; 0: it may be, and trying tells that all depends on the answer.
func (e *endpoint) down(now time.Time) (wait time.Duration, trying bool) {
	switch {
	case now.Before(e.until) && e.until.Sub(now) <= 25*time.Hour: // further off: the clock was set back
		return e.until.Sub(now), false
	case e.fails < downAfter:
		return 0, false
	case e.trying:
		return leastDown, false
	}
	return 0, true
}

// outcome is what became of a request.
type outcome struct {
	cut  bool // it was cut off by ourselves, and says nothing
	down bool // no answer came, or one that says: not now
	wait time.Duration
}

// enter waits for a slot. leave gives it back, with what became of the request. The wait is above 0 when the endpoint is down; then
// nothing was entered.
func (k *Keeper) enter(ctx context.Context, e *endpoint, token string) (leave func(outcome), wait time.Duration, err error) {
	look := func() (time.Duration, bool) {
		wait, trying := e.down(k.o.Now())
		e.trying = e.trying || trying
		return wait, trying
	}
	e.mu.Lock()
	if wait, _ := e.down(k.o.Now()); wait > 0 {
		e.mu.Unlock()
		return nil, wait, nil
	}
	e.waiting++
	e.mu.Unlock()
	crowd := false
	select {
	case e.slots <- struct{}{}:
	default:
		crowd = true
		select {
		case e.slots <- struct{}{}:
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
	}
	e.mu.Lock()
	e.waiting--
	crowd = crowd || e.waiting > 0
	e.mu.Unlock()
	if err == nil && crowd {
		if err = sleep(ctx, k.o.Spread(spread)); err != nil {
			<-e.slots
		}
	}
	if err != nil {
		return nil, 0, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	wait, trying := look() // others may have failed meanwhile
	if wait > 0 {
		<-e.slots
		return nil, wait, nil
	}
	return func(o outcome) { k.leave(e, token, trying, o) }, 0, nil
}

func (k *Keeper) leave(e *endpoint, token string, trying bool, o outcome) {
	<-e.slots
	e.mu.Lock()
	defer e.mu.Unlock()
	if trying {
		e.trying = false
	}
	switch {
	case o.cut:
		return
	case !o.down:
		e.fails, e.failed, e.until = 0, "", time.Time{}
		return
	}
	if e.failed != token || e.fails >= downAfter {
		e.fails++
	}
	e.failed = token
	if e.fails >= downAfter {
		e.until = k.o.Now().Add(max(backoff(e.fails-downAfter, mostWait), o.wait))
	}
}

// backoff is how long to wait after so many failures.
func backoff(n int, most time.Duration) time.Duration {
	wait := firstWait
	for range n {
		if wait *= 2; wait >= most {
			return most
		}
	}
	return wait
}
