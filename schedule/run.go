package schedule

import (
	"context"
	"time"
)

// run is one run of a job.
type run struct {
	place
	on      *host // whose place it takes
	version string
	asked   bool
	errand  bool
}

// enqueue moves what is due to its host.
func (l *Loop) enqueue(now time.Time) {
	for {
		j, ok := l.due.head()
		if !ok || j.due.After(now) {
			return
		}
		l.due.drop(j)
		if j.slow {
			l.slow.put(j)
			continue
		}
		j.queue = l.lineUp(j)
		j.queue.waiting.put(j)
		l.hosts.offer(j.queue)
	}
}

// startReady starts what may start, in the order in which it was due.
func (l *Loop) startReady(ctx context.Context, now time.Time) {
	for l.running < l.o.Parallel {
		h, ok := l.hosts.ready.head()
		if !ok {
			return
		}
		j, _ := h.waiting.head()
		h.waiting.drop(j)
		l.start(ctx, j, h, now, false)
	}
}

// start starts a job that is out of the line already.
func (l *Loop) start(ctx context.Context, j *job, h *host, now time.Time, slow bool) {
	errand := j.onErrand
	h.running++
	if rate := l.o.HostRate; rate > 0 && h.name != "" && !errand {
		h.free = time.Now().Add(time.Minute / time.Duration(rate))
	}
	l.hosts.offer(h)
	if slow {
		l.slowRunning++
	} else {
		l.running++
		l.held[j] = true
	}
	r := &run{on: h, version: j.Version, asked: j.asked && !errand, errand: errand}
	ctx = r.take(ctx, slow, j.Slowly)
	name, do := j.Name, j.Run
	j.queue, j.run, j.due, j.errand, j.onErrand = nil, r, time.Time{}, time.Time{}, false
	if errand {
		ctx = context.WithValue(ctx, errandKey{}, true)
	} else {
		j.last, j.asked, j.owed, j.again = now, false, false, false
	}
	go func() {
		var result *Result
		defer func() {
			r.cancel(nil)
			l.finish(j, r, result)
		}()
		guard(func() {
			got := do(ctx, r.asked)
			result = &got
		}, func(p *PanicError) { l.o.Panicked(name, p) })
	}()
}

// finish takes what a run said; nil: it didn't return.
func (l *Loop) finish(j *job, r *run, result *Result) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.free(j, r)
	j.run = nil
	if j.gone {
		delete(l.jobs, j.Name)
	} else {
		if result != nil && r.version == j.Version {
			j.errand = result.Errand.Round(0)
		}
		switch {
		case r.errand:
		case result != nil && r.version == j.Version:
			j.notBefore = result.NotBefore.Round(0)
			j.again = result.Again && !j.notBefore.IsZero()
			j.lane(r, result)
			j.owed = j.owed || result.Soon
			j.asked = j.asked || result.Soon && r.moved && r.asked && !j.paused
		case r.version == j.Version:
			j.lane(r, nil)
		}
		l.plan(j, l.now(), false)
	}
	l.wake()
}

// plan works out anew when a job is due that doesn't run.
func (l *Loop) plan(j *job, now time.Time, spread bool) {
	l.unplan(j)
	if j.run != nil || j.paused && !j.asked {
		return
	}
	j.distrust(now, l.o.MaxWait)
	j.due, j.onErrand = j.next(now, spread), false
	if at := j.dueErrand(j.due); !at.IsZero() {
		j.due, j.onErrand = at, true
	}
	if !j.due.IsZero() {
		l.due.put(j)
	}
}

// unplan takes a job out of where it waits.
func (l *Loop) unplan(j *job) {
	l.due.drop(j)
	l.slow.drop(j)
	if h := j.queue; h != nil {
		h.waiting.drop(j)
		j.queue = nil
		l.hosts.offer(h)
	}
	j.due = time.Time{}
}
