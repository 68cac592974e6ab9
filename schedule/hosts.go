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
	readyAt int // place in hosts.ready
	pacedAt int // place in hosts.paced
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

// hosts are those of a loop. They are read and changed under its lock.
type hosts struct {
	named map[string]*host
	ready pile[*host] // those with a waiting job and room for it, by its due time
	paced pile[*host] // those with a waiting job that HostRate holds up, by when it may start
}

func newHosts() hosts {
	return hosts{
		named: map[string]*host{},
		ready: pile[*host]{
			before: func(a, b *host) bool { return a.first().Before(b.first()) },
			place:  func(h *host) *int { return &h.readyAt },
		},
		paced: pile[*host]{
			before: func(a, b *host) bool { return a.free.Before(b.free) },
			place:  func(h *host) *int { return &h.pacedAt },
		},
	}
}

// get finds or makes a host.
func (s *hosts) get(name string) *host {
	h := s.named[name]
	if h == nil {
		h = newHost(name)
		s.named[name] = h
	}
	return h
}

// offer puts a host where it belongs after anything about it has changed: with those that may start a job, with those
// that may when their time comes, or with neither.
func (s *hosts) offer(h *host) {
	full := h.limit > 0 && h.running >= h.limit
	if _, some := h.waiting.head(); !some || full {
		s.ready.drop(h)
		s.paced.drop(h)
	} else if time.Now().Before(h.free) {
		s.ready.drop(h)
		s.paced.put(h)
	} else {
		s.paced.drop(h)
		s.ready.put(h)
	}
}

// pace lets hosts in whose time has come.
func (s *hosts) pace() {
	for {
		h, ok := s.paced.head()
		if !ok || time.Now().Before(h.free) {
			return
		}
		s.offer(h)
	}
}

// limit sets what every host allows, after entries have changed, and forgets hosts that nobody names any more.
func (s *hosts) limit(jobs map[string]*job, perHost int) {
	limits := map[string]int{}
	for _, j := range jobs {
		known := limits[j.Host]
		if n := j.PerHost; n > 0 && (known == 0 || n < known) {
			known = n
		}
		limits[j.Host] = known
	}
	for name := range limits {
		s.get(name)
	}
	for name, h := range s.named {
		n, named := limits[name]
		if !named && h.running == 0 && !time.Now().Before(h.free) {
			delete(s.named, name)
			continue
		}
		if o := perHost; o > 0 && (n == 0 || o < n) {
			n = o
		}
		if name == "" {
			n = 0
		}
		h.limit = n
		s.offer(h)
	}
}
