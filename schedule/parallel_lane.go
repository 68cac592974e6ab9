package schedule

import (
	"context"
	"errors"
	"time"
)

// parallel is one call of Parallel. All of it belongs to the goroutine that made the call.
type parallel struct {
	o                    Options
	jobs                 []Job
	q                    *queue
	done                 chan int
	places               []*place // of those that run
	running, slowRunning int
	leaving              int
	begun                []bool
	results              []error
}

func newParallel(o Options, jobs []Job) *parallel {
	o.Parallel = max(o.Parallel, 1)
	if o.SlowAfter <= 0 {
		o.SlowAfter = defaultSlowAfter
	}
	if o.Look <= 0 || o.Look > time.Minute {
		o.Look = time.Minute
	}
	n := len(jobs)
	return &parallel{o: o, jobs: jobs, q: newQueue(o.PerHost, jobs), done: make(chan int),
		places: make([]*place, n), begun: make([]bool, n), results: make([]error, n)}
}

// start starts what may start.
func (p *parallel) start(ctx context.Context) {
	for p.running < p.o.Parallel && ctx.Err() == nil {
		i, ok := p.q.take()
		if !ok {
			break
		}
		p.running++
		p.run(ctx, i, false)
	}
	for p.slowRunning < slowPlaces(p.o.Parallel) && ctx.Err() == nil {
		i, ok := p.q.takeSlow()
		if !ok {
			return
		}
		p.slowRunning++
		p.run(ctx, i, true)
	}
}

func (p *parallel) run(ctx context.Context, i int, slow bool) {
	at := &place{}
	ctx = at.take(ctx, slow, p.jobs[i].Slowly)
	p.places[i], p.begun[i] = at, true
	go func() {
		defer func() { p.done <- i }()
		guard(func() { p.results[i] = p.jobs[i].Run(ctx) }, func(e *PanicError) { p.results[i] = e })
	}()
}

// ended gives the place of a job away, and lines it up again if it has to go on.
func (p *parallel) ended(i int) {
	at := p.places[i]
	p.places[i] = nil
	at.cancel(nil)
	if at.slow.Load() {
		p.slowRunning--
	} else {
		p.running--
	}
	p.q.release(i)
	if !at.moved {
		return
	}
	p.leaving--
	if errors.Is(p.results[i], ErrMoved) {
		brisk := p.jobs[i].Brisk
		p.q.again(i, brisk == nil || !brisk())
	}
}

// makeRoom has runs give their places to jobs that wait: as many as wait, the longest first.
func (p *parallel) makeRoom() {
	need := len(p.q.ready) - p.leaving
	if p.running < p.o.Parallel {
		return
	}
	for ; need > 0; need-- {
		var first *place
		for _, at := range p.places {
			if at != nil && at.overdue(p.o.SlowAfter) && (first == nil || at.began.Before(first.began)) {
				first = at
			}
		}
		if first == nil {
			return
		}
		if p.slowRunning >= slowPlaces(p.o.Parallel) {
			p.leaving++
			first.end()
			continue
		}
		first.slow.Store(true)
		p.running--
		p.slowRunning++
	}
}
