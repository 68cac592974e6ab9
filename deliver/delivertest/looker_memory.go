package delivertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/popsync/popsync/deliver"
)

// MemoryMailbox is a destination in memory that numbers its messages and can be looked at.
type MemoryMailbox struct {
	mu       sync.Mutex
	next     int
	validity int
	there    []numbered
	later    int         // messages before the one whose answer is lost
	lose     func() bool // the answer to that one is; nil: to none
	blind    bool
	record   *lookRecord // what survives a crash
}

type numbered struct {
	n    int
	text string
}

// lookRecord is what a Looker remembers durably.
type lookRecord struct {
	validity, base int
	taken          map[string]int
	old            map[string]bool
	begun          map[string]bool
	proved         bool // a message was taken, and could be found
}

// MemoryLooker is a Looker to a MemoryMailbox.
type MemoryLooker struct {
	Box *MemoryMailbox

	// Ways to be wrong, for tests of the suite.
	Forgets   bool // it does not look
	ByID      bool // the same Message-ID is the same message
	LateBase  bool // the place where a look begins is what is said after a message was taken
	Unclaimed bool // what was found or taken for one message may be found for another
	Guesses   bool // where nothing can tell, it takes the message for there

	doubts bool
	begun  bool
}

// NewMemoryMailbox makes an empty one.
func NewMemoryMailbox() *MemoryMailbox { return &MemoryMailbox{next: 1, validity: 1} }

// Bench is a LookerBench over it; open makes a Looker of it.
func (b *MemoryMailbox) Bench(open func() deliver.Sender) LookerBench {
	locked := func(f func()) {
		b.mu.Lock()
		defer b.mu.Unlock()
		f()
	}
	return LookerBench{
		Lose: func(stored bool) { locked(func() { b.later, b.lose = 0, func() bool { return stored } }) },
		LoseLater: func(later int, stored bool) {
			locked(func() { b.later, b.lose = later, func() bool { return stored } })
		},
		Foreign: func(text string) { locked(func() { b.put(text) }) },
		Renew:   func() { locked(func() { b.validity++ }) },
		Blind:   func(blind bool) { locked(func() { b.blind = blind }) },
		Open:    func(testing.TB) deliver.Sender { return open() },
		Arrived: func(testing.TB) (all []string) {
			locked(func() {
				for _, m := range b.there {
					all = append(all, m.text)
				}
			})
			return all
		},
	}
}

func (b *MemoryMailbox) put(text string) int {
	n := b.next
	b.next++
	b.there = append(b.there, numbered{n, text})
	return n
}

// Hold implements deliver.Looker.
func (s *MemoryLooker) Hold(doubts bool) { s.doubts = doubts }

// Send looks if it has to, and keeps the message.
func (s *MemoryLooker) Send(ctx context.Context, m deliver.Outgoing) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	text, err := readBody(m)
	if err != nil {
		return &deliver.Error{Op: "read", Local: true, Err: err}
	}
	b := s.Box
	b.mu.Lock()
	defer b.mu.Unlock()
	r := s.record()
	if m.Again {
		if _, ok := r.taken[m.ID]; ok {
			return nil
		}
		switch n, err := s.look(r, m.ID, text); {
		case err != nil && s.Guesses:
			return nil
		case err != nil:
			return err
		case n > 0:
			r.taken[m.ID] = n
			return nil
		}
	} else if n, ok := r.taken[m.ID]; ok { // it is wanted once more
		r.taken[fmt.Sprint(m.ID, n)] = n
		delete(r.taken, m.ID)
	}
	r.begun[m.ID] = true
	lose := b.lose
	if lose != nil && b.later > 0 {
		b.later--
		lose = nil
	} else {
		b.lose = nil
	}
	if lose != nil && !lose() {
		return s.doubt()
	}
	n := b.put(text)
	if s.LateBase {
		r.base = b.next
	}
	if lose != nil {
		return s.doubt()
	}
	r.taken[m.ID] = n
	r.proved = r.proved || !b.blind
	return nil
}

// record is what is remembered, as a process that goes on or begins anew finds it. Box.mu is held.
func (s *MemoryLooker) record() *lookRecord {
	b := s.Box
	r := b.record
	if r == nil || !s.begun && !s.doubts {
		r = &lookRecord{b.validity, b.next, map[string]int{}, map[string]bool{}, map[string]bool{}, false}
	} else if r.validity != b.validity {
		was := r
		r = &lookRecord{b.validity, b.next, map[string]int{}, was.old, map[string]bool{}, false}
		for id := range was.begun {
			r.old[id] = true
		}
	}
	b.record, s.begun = r, true
	return r
}

func (s *MemoryLooker) doubt() error {
	return &deliver.Error{Op: "send", Scope: deliver.WholeTarget, Uncertain: true, Err: errors.New("no answer")}
}

// look finds a message; 0: it is not there.
func (s *MemoryLooker) look(r *lookRecord, id, text string) (int, error) {
	switch {
	case s.Forgets:
		return 0, nil
	case r.old[id], s.Box.blind:
		r.proved = false
		return 0, fmt.Errorf("look: %w", deliver.ErrInferred)
	}
	for _, m := range s.Box.there {
		claimed := slices.ContainsFunc(slicesOf(r.taken), func(n int) bool { return n == m.n })
		same := m.text == text || s.ByID && messageID(m.text) == messageID(text)
		if m.n >= r.base && same && (!claimed || s.Unclaimed) {
			return m.n, nil
		}
	}
	return 0, nil
}

func slicesOf(m map[string]int) (all []int) {
	for _, n := range m {
		all = append(all, n)
	}
	return all
}

func messageID(text string) string {
	_, rest, _ := strings.Cut(text, "Message-ID: ")
	id, _, _ := strings.Cut(rest, "\r\n")
	return id
}

// Place is a name.
func (s *MemoryLooker) Place() string { return "memory" }

// Lanes is 1.
func (s *MemoryLooker) Lanes() int { return 1 }

// Close does nothing.
func (s *MemoryLooker) Close() error { return nil }

var (
	_ deliver.Sender = (*MemoryLooker)(nil)
	_ deliver.Looker = (*MemoryLooker)(nil)
)
