package schedule

import (
	"context"
	"sync"
	"time"
)

// Options are the limits of a Loop and what it tells others.
type Options struct {
	Parallel int           // runs at once; less than 1 counts as 1; the slow lane has a quarter as many beside them, at least one
	PerHost  int           // runs at once with the same host; 0: no limit
	HostRate int           // starts per minute and host, evenly spaced; 0: no limit
	MaxWait  time.Duration // stored times further ahead than this are a clock's fault and ignored; 0: 25 h

	// SlowAfter is for how long a run keeps its place while others wait for one; then it goes on in the slow lane. 0: 10 min.
	SlowAfter time.Duration

	// Look is the longest that the loop waits without a look at the wall clock, which may have been set, or have gone on
	// while the machine slept; 0, or more than a minute: a minute.
	Look time.Duration

	// Beat is called on Run's goroutine each time that the loop wakes, at least after each Look, also while it waits for the
	// last jobs. It must not block. next is when a further job is due; zero: none is to come.
	Beat func(next time.Time)

	// Panicked is called on the job's goroutine when a job panicked or left by runtime.Goexit. The loop goes on.
	Panicked func(name string, err *PanicError)

	Now func() time.Time // the wall clock; nil: time.Now
}

// Loop runs recurring jobs: at most Parallel at once and those in the slow lane, none beside itself. Its methods may be called from anywhere,
// before and during Run.
type Loop struct {
	o    Options
	kick chan struct{} // holds one: something has changed

	mu          sync.Mutex
	jobs        map[string]*job
	hosts       hosts
	due         pile[*job]    // idle jobs, by due time
	slow        pile[*job]    // jobs that wait for a place in the slow lane, by due time
	held        map[*job]bool // those that run, but for the slow lane
	running     int           // of these
	leaving     int           // of these: told to end, as others wait
	slowRunning int           // in the slow lane
	look        time.Time     // the wall clock at the last turn; zero: there was none
	mono        time.Time     // the monotonic clock then
}

// NewLoop makes a loop without entries.
func NewLoop(o Options) *Loop {
	o.Parallel = max(o.Parallel, 1)
	if o.Look <= 0 || o.Look > time.Minute {
		o.Look = time.Minute
	}
	if o.SlowAfter <= 0 {
		o.SlowAfter = defaultSlowAfter
	}
	if o.MaxWait <= 0 {
		o.MaxWait = 25 * time.Hour
	}
	if o.Beat == nil {
		o.Beat = func(time.Time) {}
	}
	if o.Panicked == nil {
		o.Panicked = func(string, *PanicError) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Loop{
		o: o, kick: make(chan struct{}, 1),
		jobs: map[string]*job{}, hosts: newHosts(), held: map[*job]bool{},
		due: pile[*job]{
			before: func(a, b *job) bool { return a.due.Before(b.due) },
			place:  func(j *job) *int { return &j.dueAt },
		},
		slow: pile[*job]{
			before: func(a, b *job) bool { return a.due.Before(b.due) },
			place:  func(j *job) *int { return &j.slowAt },
		},
	}
}

// Run starts jobs until ctx ends. Then it starts no more, and returns when the last one, whose context has ended too,
// has returned. A Loop runs once.
func (l *Loop) Run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	stop := ctx.Done()
	for {
		next, wait := l.turn(ctx)
		l.o.Beat(next)
		if ctx.Err() != nil && l.idle() {
			return
		}
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-l.kick:
		case <-stop:
			stop = nil
		}
	}
}

// turn does what is to do now, and tells when a job is next due and how long there is nothing to do.
func (l *Loop) turn(ctx context.Context) (next time.Time, wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	l.checkClock(now)
	wait = l.o.Look
	if ctx.Err() == nil {
		l.enqueue(now)
		l.hosts.pace()
		l.startReady(ctx, now)
		l.makeRoom(ctx, now)
		wait = min(wait, l.startSlow(ctx, now))
		if _, some := l.hosts.ready.head(); some {
			wait = min(wait, glance(l.o.SlowAfter, l.o.Look))
		}
		if h, ok := l.hosts.paced.head(); ok {
			wait = min(wait, time.Until(h.free))
		}
		if j, ok := l.due.head(); ok {
			next, wait = j.due, min(wait, j.due.Sub(now))
		}
	}
	return next, wait
}

// now is the wall clock, without the monotonic clock that Go's times carry beside it.
func (l *Loop) now() time.Time { return l.o.Now().Round(0) }

func (l *Loop) idle() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.running+l.slowRunning == 0
}

// wake makes Run take a turn.
func (l *Loop) wake() {
	select {
	case l.kick <- struct{}{}:
	default:
	}
}
