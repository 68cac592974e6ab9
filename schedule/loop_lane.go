package schedule

import (
	"context"
	"slices"
	"time"
)

// makeRoom has runs give their places to jobs that wait: as many as wait, the longest first.
func (l *Loop) makeRoom(ctx context.Context, now time.Time) {
	need := len(l.hosts.ready.items) - l.leaving
	if l.running < l.o.Parallel || need <= 0 {
		return
	}
	var over []*job
	for j := range l.held {
		if !j.gone && j.run.overdue(l.o.SlowAfter) {
			over = append(over, j)
		}
	}
	slices.SortFunc(over, func(a, b *job) int { return a.run.began.Compare(b.run.began) })
	for _, j := range over[:min(need, len(over))] {
		if l.slowRunning >= slowPlaces(l.o.Parallel) {
			l.leaving++
			j.run.end()
			continue
		}
		j.run.slow.Store(true)
		delete(l.held, j)
		l.running--
		l.slowRunning++
	}
	l.startReady(ctx, now)
}

// startSlow starts what waits for the slow lane, in the order in which it was due. wait is for how long a host's rate holds up
// one of them; a host that is full tells by itself when it is not.
func (l *Loop) startSlow(ctx context.Context, now time.Time) (wait time.Duration) {
	wait = l.o.Look
	for l.slowRunning < slowPlaces(l.o.Parallel) {
		var first *job
		for _, j := range l.slow.items {
			h := l.lineUp(j)
			if left := time.Until(h.free); left > 0 {
				wait = min(wait, left)
			} else if (h.limit == 0 || h.running < h.limit) && (first == nil || j.due.Before(first.due)) {
				first = j
			}
		}
		if first == nil {
			break
		}
		l.slow.drop(first)
		l.start(ctx, first, l.lineUp(first), now, true)
	}
	return wait
}

// free takes a place back whose run is over.
func (l *Loop) free(j *job, r *run) {
	if r.slow.Load() {
		l.slowRunning--
	} else {
		l.running--
		delete(l.held, j)
	}
	if r.moved {
		l.leaving--
	}
	r.on.running--
	l.hosts.offer(r.on)
}

// lane notes where the next run begins after one that said this; nil: it did not return.
func (j *job) lane(r *run, result *Result) {
	switch {
	case result != nil && result.Brisk:
		j.slow = false
	case r.moved || r.slow.Load():
		j.slow = true
	}
}
