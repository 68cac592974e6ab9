package schedule

import "time"

// host holds the jobs of one host that are due and wait for a place. Those of one host don't hold up another's: the loop
// takes the host whose first job is due longest, among those that have room.
type host struct {
	name    string // "": jobs without a host; never limited
	limit   int    // runs at once; 0: none
	running int
	free    time.Time // when HostRate allows the next start, on the monotonic clock
	waiting pile[*job]
	readyAt int // place in Loop.ready
	pacedAt int // place in Loop.paced
}

func newHost(name string) *host {
	return &host{name: name, waiting: pile[*job]{
		before: func(a, b *job) bool { return a.due.Before(b.due) },
		place:  func(j *job) *int { return &j.queueAt },
	}}
}

// first is the time at which the first waiting job was due.
func (h *host) first() time.Time {
	j, _ := h.waiting.head()
	return j.due
}

// host finds or makes a host.
func (l *Loop) host(name string) *host {
	h := l.hosts[name]
	if h == nil {
		h = newHost(name)
		l.hosts[name] = h
	}
	return h
}

// offer puts a host where it belongs after anything about it has changed: with those that may start a job, with those
// that may when their time comes, or with neither.
func (l *Loop) offer(h *host) {
	full := h.limit > 0 && h.running >= h.limit
	if _, some := h.waiting.head(); !some || full {
		l.ready.drop(h)
		l.paced.drop(h)
	} else if time.Now().Before(h.free) {
		l.ready.drop(h)
		l.paced.put(h)
	} else {
		l.paced.drop(h)
		l.ready.put(h)
	}
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
		l.offer(j.queue)
	}
}

// pace lets hosts in whose time has come.
func (l *Loop) pace() {
	for {
		h, ok := l.paced.head()
		if !ok || time.Now().Before(h.free) {
			return
		}
		l.offer(h)
	}
}

// SetLimits changes the limits that Options gave. What runs is left alone.
func (l *Loop) SetLimits(parallel, perHost, hostRate int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.o.Parallel, l.o.PerHost, l.o.HostRate = max(parallel, 1), perHost, hostRate
	l.limit()
	l.wake()
}

// SetSlowAfter changes Options.SlowAfter.
func (l *Loop) SetSlowAfter(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.o.SlowAfter = d; d <= 0 {
		l.o.SlowAfter = defaultSlowAfter
	}
	l.wake()
}

// limit sets what every host allows, after entries have changed, and forgets hosts that nobody names any more.
func (l *Loop) limit() {
	limits := map[string]int{}
	for _, j := range l.jobs {
		known := limits[j.Host]
		if n := j.PerHost; n > 0 && (known == 0 || n < known) {
			known = n
		}
		limits[j.Host] = known
	}
	for name := range limits {
		l.host(name)
	}
	for name, h := range l.hosts {
		n, named := limits[name]
		if !named && h.running == 0 && !time.Now().Before(h.free) {
			delete(l.hosts, name)
			continue
		}
		if o := l.o.PerHost; o > 0 && (n == 0 || o < n) {
			n = o
		}
		if name == "" {
			n = 0
		}
		h.limit = n
		l.offer(h)
	}
}
