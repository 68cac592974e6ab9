// Package memory shares out what the listings and the ledger's rows of all passes of a process may take together. It knows
// octets and time, and nothing of mail: a pass says how much it takes, and waits, grows or gives way as it is told.
package memory

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// Budget is the memory for what the listings and the ledger's rows of all passes of a process take together. Passes take a
// share of it before they ask for a listing, as much as the last one took, and give it back at the end of each session. Who
// does not fit waits in order of arrival; one that is larger than the whole budget runs when nobody else does.
//
// A share grows with the listing. What does not fit then is not waited for, since two that wait for each other would wait for
// ever: the pass gives its listing up and waits for its turn anew, for twice as much. So does one whose listing comes too
// slowly while others wait.
//
// Small mailboxes have an eighth of the budget to themselves, and so never wait for large ones. Methods may be called from any
// goroutine; a nil Budget has no bounds.
type Budget struct {
	changed func(held int64)
	longest time.Duration // for which a pass waits at most
	mu      sync.Mutex
	small   lane
	large   lane
}

// lane is a part of the budget with a queue of its own.
type lane struct {
	limit  int64 // octets
	held   int64 // by shares, and by those alone
	shares []*Share
	queue  []*waiter // in order of arrival
}

type waiter struct {
	share *Share
	ready chan struct{} // closed when the share is its
}

const (
	PassOctets  = 256 << 10        // for a pass, besides what it lists
	smallPart   = 8                // one part in so many is for small mailboxes
	smallShare  = 64               // small is what takes no more than one part in so many of the budget
	memoryWait  = 20 * time.Minute // longer than a session lasts
	slowLook    = 30 * time.Second // between two looks at how fast the listings of others come
	slowestBeat = 2 * time.Second  // a piece is 64 KiB, so 32 KiB/s are fast enough
)

// NewBudget makes a budget of so many octets. changed is told whenever what is reserved for listings changes, without what each
// pass takes besides; nil: nobody asks.
func NewBudget(octets int64, changed func(held int64)) *Budget {
	m := &Budget{changed: changed, longest: memoryWait}
	m.resize(octets)
	return m
}

// Patience is for how long a pass should wait for its share at most; a nil Budget makes nobody wait.
func (m *Budget) Patience() time.Duration {
	if m == nil {
		return 0
	}
	return m.longest
}

// Held is how many octets passes have reserved now.
func (m *Budget) Held() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.small.held + m.large.held
}

// Resize changes the budget. What is reserved stays so.
func (m *Budget) Resize(octets int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.resize(octets)
	m.small.next()
	m.large.next()
	m.tell()
}

func (m *Budget) resize(octets int64) {
	octets = max(octets, 1)
	m.small.limit = octets / smallPart
	m.large.limit = octets - m.small.limit
}

// laneFor is where so much belongs.
func (m *Budget) laneFor(octets int64) *lane {
	if octets <= (m.small.limit+m.large.limit)/smallShare {
		return &m.small
	}
	return &m.large
}

func (m *Budget) tell() {
	if m.changed != nil {
		passes := int64(len(m.small.shares) + len(m.large.shares))
		m.changed(max(m.small.held+m.large.held-passes*PassOctets, 0))
	}
}

// Take reserves memory, and waits for it at most as long as wait. waiting is called if it must wait; nil: nobody asks. The error
// is ErrNoMemory, or the context's cause.
func (m *Budget) Take(ctx context.Context, octets int64, wait time.Duration, waiting func()) (*Share, error) {
	if m == nil {
		return nil, nil
	}
	m.mu.Lock()
	l := m.laneFor(octets)
	s := &Share{m: m, lane: l, size: octets}
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
			return m.leave(w, ErrNoMemory)
		case <-ctx.Done():
			return m.leave(w, context.Cause(ctx))
		}
	}
}

// leave takes a pass out of the queue. Has its turn come meanwhile, the share is its all the same, unless the pass is over.
func (m *Budget) leave(w *waiter, why error) (*Share, error) {
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
	case errors.Is(why, ErrNoMemory):
		return w.share, nil
	}
	w.share.Release()
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

func (l *lane) fits(octets int64) bool { return len(l.shares) == 0 || l.held+octets <= l.limit }

// hurry ends listings that come too slowly: somebody waits for their memory.
func (m *Budget) hurry(l *lane) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range l.shares {
		passed := time.Since(s.begun)
		if s.cancel == nil || passed < slowLook {
			continue
		}
		if time.Duration(s.beats)*slowestBeat < passed {
			s.cancel(&CutError{Need: s.size, slow: true})
		}
		s.begun, s.beats = time.Now(), 0
	}
}

// drop takes a share out of the lane. The lock is held.
func (l *lane) drop(s *Share) {
	if i := slices.Index(l.shares, s); i >= 0 {
		l.shares = slices.Delete(l.shares, i, i+1)
		l.held -= s.size
		l.next()
	}
}

// ErrNoMemory: others had the budget for all the time that a pass waits.
var ErrNoMemory = errors.New("waiting for memory: the mailboxes of other accounts take all that there is for listings")
