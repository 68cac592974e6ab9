package fetcher

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// Memory is the budget for what the listings and the ledger's rows of all passes of a process take together. Passes take a
// share of it before they ask for a listing, as much as the last one took, and give it back at the end of each session. Who
// does not fit waits in order of arrival; one that is larger than the whole budget runs when nobody else does.
//
// A share grows with the listing. What does not fit then is not waited for, since two that wait for each other would wait for
// ever: the pass gives its listing up and waits for its turn anew, for twice as much. So does one whose listing comes too
// slowly while others wait.
//
// Small mailboxes have an eighth of the budget to themselves, and so never wait for large ones. Methods may be called from any
// goroutine; a nil Memory has no bounds.
type Memory struct {
	changed  func(held int64)
	patience time.Duration // for which a pass waits at most
	mu       sync.Mutex
	small    lane
	large    lane
}

// lane is a part of the budget with a queue of its own.
type lane struct {
	most   int64 // octets
	held   int64 // by shares, and by those alone
	shares []*share
	queue  []*waiter // in order of arrival
}

type waiter struct {
	share *share
	ready chan struct{} // closed when the share is its
}

const (
	passOctets  = 256 << 10        // for a pass, besides what it lists
	smallPart   = 8                // one part in so many is for small mailboxes
	smallShare  = 64               // small is what takes no more than one part in so many of the budget
	memoryWait  = 20 * time.Minute // longer than a session lasts
	slowLook    = 30 * time.Second // between two looks at how fast the listings of others come
	slowestBeat = 2 * time.Second  // a piece is 64 KiB, so 32 KiB/s are fast enough
)

// NewMemory makes a budget of so many octets. changed is told whenever what is reserved for listings changes, without what each
// pass takes besides; nil: nobody asks.
func NewMemory(octets int64, changed func(held int64)) *Memory {
	m := &Memory{changed: changed, patience: memoryWait}
	m.resize(octets)
	return m
}

// Resize changes the budget. What is reserved stays so.
func (m *Memory) Resize(octets int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.resize(octets)
	m.small.next()
	m.large.next()
	m.tell()
}

func (m *Memory) resize(octets int64) {
	octets = max(octets, 1)
	m.small.most = octets / smallPart
	m.large.most = octets - m.small.most
}

// laneFor is where so much belongs.
func (m *Memory) laneFor(octets int64) *lane {
	if octets <= (m.small.most+m.large.most)/smallShare {
		return &m.small
	}
	return &m.large
}

func (m *Memory) tell() {
	if m.changed != nil {
		passes := int64(len(m.small.shares) + len(m.large.shares))
		m.changed(max(m.small.held+m.large.held-passes*passOctets, 0))
	}
}

// take reserves memory, and waits for it at most as long as wait. waiting is called if it must wait; nil: nobody asks. The error
// is errNoMemory, or the context's cause.
func (m *Memory) take(ctx context.Context, octets int64, wait time.Duration, waiting func()) (*share, error) {
	if m == nil {
		return nil, nil
	}
	m.mu.Lock()
	l := m.laneFor(octets)
	s := &share{m: m, lane: l, size: octets}
	w := &waiter{share: s, ready: make(chan struct{})}
	l.queue = append(l.queue, w)
	l.next()
	m.tell()
	m.mu.Unlock()
	select {
	case <-w.ready:
		return s, nil
	default:
	}
	if waiting != nil {
		waiting()
	}
	over := time.NewTimer(wait)
	defer over.Stop()
	look := time.NewTicker(slowLook)
	defer look.Stop()
	for {
		select {
		case <-w.ready:
			return s, nil
		case <-look.C:
			m.hurry(l)
		case <-over.C:
			return m.leave(w, errNoMemory)
		case <-ctx.Done():
			return m.leave(w, context.Cause(ctx))
		}
	}
}

// leave takes a pass out of the queue. Has its turn come meanwhile, the share is its all the same, unless the pass is over.
func (m *Memory) leave(w *waiter, why error) (*share, error) {
	m.mu.Lock()
	i := slices.Index(w.share.lane.queue, w)
	if i >= 0 {
		w.share.lane.queue = slices.Delete(w.share.lane.queue, i, i+1)
		w.share.lane.next()
		m.tell()
	}
	m.mu.Unlock()
	switch {
	case i >= 0:
		return nil, why
	case errors.Is(why, errNoMemory):
		return w.share, nil
	}
	w.share.release()
	return nil, why
}

// next lets in who fits, in order of arrival. The lock is held.
func (l *lane) next() {
	for len(l.queue) > 0 && l.fits(l.queue[0].share.size) {
		w := l.queue[0]
		l.queue = slices.Delete(l.queue, 0, 1)
		l.shares = append(l.shares, w.share)
		l.held += w.share.size
		close(w.ready)
	}
}

func (l *lane) fits(octets int64) bool { return len(l.shares) == 0 || l.held+octets <= l.most }

// hurry ends listings that come too slowly: somebody waits for their memory.
func (m *Memory) hurry(l *lane) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range l.shares {
		passed := time.Since(s.begun)
		if s.cancel == nil || passed < slowLook {
			continue
		}
		if time.Duration(s.beats)*slowestBeat < passed {
			s.cancel(&cutError{need: s.size, slow: true})
		}
		s.begun, s.beats = time.Now(), 0
	}
}

// drop takes a share out of the lane. The lock is held.
func (l *lane) drop(s *share) {
	if i := slices.Index(l.shares, s); i >= 0 {
		l.shares = slices.Delete(l.shares, i, i+1)
		l.held -= s.size
		l.next()
	}
}

// errNoMemory: others had the budget for all the time that a pass waits.
var errNoMemory = errors.New("waiting for memory: the mailboxes of other accounts take all that there is for listings")
