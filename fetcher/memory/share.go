package memory

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Kinds of memory that a pass takes.
const (
	OfListing = iota
	OfRows
	OfPlan
	kindsOfMemory
)

// Share is what one session has of the budget; nil: there is no budget.
type Share struct {
	m      *Budget
	lane   *lane
	size   int64                // octets reserved
	parts  [kindsOfMemory]int64 // what is taken of them, as far as is known
	cancel context.CancelCauseFunc
	begun  time.Time // when a listing was asked for, or how fast it comes was last looked at
	beats  int64     // pieces of a listing that came since
}

// Listing is the context in which a listing is asked for; done must be called when it has come.
func (s *Share) Listing(ctx context.Context) (_ context.Context, done func()) {
	if s == nil {
		return ctx, func() {}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	s.cancel, s.begun, s.beats = cancel, time.Now(), 0
	return ctx, func() {
		s.m.mu.Lock()
		s.cancel = nil
		s.m.mu.Unlock()
		cancel(nil)
	}
}

// Set tells how much of a kind the session takes, and has the share grow if need be. The error is a *CutError.
func (s *Share) Set(kind int, octets int64) error {
	if s == nil {
		return nil
	}
	m := s.m
	m.mu.Lock()
	defer m.mu.Unlock()
	if kind == OfListing {
		s.beats++
	}
	s.parts[kind] = octets
	need := s.need()
	if need <= s.size {
		return nil
	}
	switch l := s.lane; {
	case l == &m.small && m.laneFor(need) == &m.large: // it is as one that arrives now
		if len(m.large.queue) > 0 || !m.large.fits(need) {
			return &CutError{Need: 2 * need}
		}
		l.drop(s)
		s.lane = &m.large
		s.lane.shares = append(s.lane.shares, s)
	case len(l.shares) > 1 && l.held+need-s.size > l.limit:
		return &CutError{Need: 2 * need}
	default:
		l.held -= s.size
	}
	s.size = need
	s.lane.held += need
	m.tell()
	return nil
}

// need is what the session takes as far as is known. The lock is held.
func (s *Share) need() int64 {
	need := int64(PassOctets)
	for _, part := range s.parts {
		need += part
	}
	return need
}

// Fit gives back what was reserved and is not needed, now that all is known.
func (s *Share) Fit() {
	if s == nil {
		return
	}
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	if spare := s.size - s.need(); spare > 0 && slices.Contains(s.lane.shares, s) {
		s.size -= spare
		s.lane.held -= spare
		s.lane.next()
		s.m.tell()
	}
}

// Release gives all of it back; again does nothing.
func (s *Share) Release() {
	if s == nil {
		return
	}
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	s.lane.drop(s)
	s.m.tell()
}

// CutError ends a listing whose memory is wanted by others, or that needs more than there is now.
type CutError struct {
	Need int64 // what to wait for next, in octets
	slow bool
}

func (e *CutError) Error() string {
	if e.slow {
		return "the listing came slowly and others wait for its memory"
	}
	return fmt.Sprintf("the listing needs more memory than is free now: %d MiB", e.Need>>20)
}
