package delivertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/popsync/popsync/deliver"
)

// MemorySender is a Sender that keeps messages in memory. What arrived belongs to its destination, so that Reopen gives
// a Sender as after a crash.
//
// Each step has a function that may fail it: nil, or one that returns nil, lets it work. They are set before use, and
// called with no lock held. All of MemorySender may be used from several goroutines.
type MemorySender struct {
	Name     string // of the destination
	Parallel int    // what Lanes returns; 0: 1
	Searches bool   // with Outgoing.Again, a message whose ID is there is not taken a second time

	OnSend  func(m deliver.Outgoing) error // before anything was transferred
	OnPart  func(m deliver.Outgoing) error // an error: some recipients have it, see Sent.Part; give it a Rest
	OnDoubt func(m deliver.Outgoing) error // after the message was taken: an ending in doubt
	OnCheck func(remembered string) error
	OnClose func() error

	there *memoryMailbox

	mu     sync.Mutex
	closed bool
}

// Sent is one message that a MemorySender has.
type Sent struct {
	deliver.Outgoing        // Body is used up
	Text             string // what Body gave
	Part             bool   // only some recipients have it
}

type memoryMailbox struct {
	mu        sync.Mutex
	sent      []Sent
	now, peak int // Sends that run, and most that ever did
	calls     map[string]int
}

// NewMemorySender returns a Sender to an empty destination.
func NewMemorySender(name string) *MemorySender {
	return &MemorySender{Name: name, there: &memoryMailbox{calls: map[string]int{}}}
}

// Reopen returns a Sender to the same destination and with the same functions, not closed.
func (s *MemorySender) Reopen() *MemorySender {
	return &MemorySender{Name: s.Name, Parallel: s.Parallel, Searches: s.Searches, OnSend: s.OnSend, OnPart: s.OnPart,
		OnDoubt: s.OnDoubt, OnCheck: s.OnCheck, OnClose: s.OnClose, there: s.there}
}

// Sent returns what arrived, in order, also at some recipients only.
func (s *MemorySender) Sent() []Sent {
	s.there.mu.Lock()
	defer s.there.mu.Unlock()
	return slices.Clone(s.there.sent)
}

// Peak is how many Sends ran at the same time at most.
func (s *MemorySender) Peak() int {
	s.there.mu.Lock()
	defer s.there.mu.Unlock()
	return s.there.peak
}

// Calls counts the calls of a method, by its name, over all Senders to the destination.
func (s *MemorySender) Calls(method string) int {
	s.there.mu.Lock()
	defer s.there.mu.Unlock()
	return s.there.calls[method]
}

func (s *MemorySender) count(method string) {
	s.there.mu.Lock()
	defer s.there.mu.Unlock()
	s.there.calls[method]++
}

func (s *MemorySender) fault(scope deliver.Scope, err error) error {
	return &deliver.Error{Op: "send", Place: s.Name, Scope: scope, Err: err}
}

// Send keeps the message.
func (s *MemorySender) Send(ctx context.Context, m deliver.Outgoing) error {
	s.there.mu.Lock()
	s.there.calls["Send"]++
	s.there.now++
	s.there.peak = max(s.there.peak, s.there.now)
	s.there.mu.Unlock()
	defer func() {
		s.there.mu.Lock()
		s.there.now--
		s.there.mu.Unlock()
	}()
	s.mu.Lock()
	closed := s.closed
	s.mu.Unlock()
	if closed {
		return s.fault(deliver.WholeTarget, errors.New("the sender is closed"))
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := call(s.OnSend, m); err != nil {
		return err
	}
	text, err := readBody(m)
	if err != nil {
		return s.fault(deliver.ThisMessage, err)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	part := call(s.OnPart, m)
	s.keep(Sent{Outgoing: m, Text: text, Part: part != nil})
	if part != nil {
		return part
	}
	return call(s.OnDoubt, m)
}

func (s *MemorySender) keep(got Sent) {
	s.there.mu.Lock()
	defer s.there.mu.Unlock()
	if s.Searches && got.Again {
		for _, have := range s.there.sent {
			if have.ID == got.ID && !have.Part {
				return
			}
		}
	}
	s.there.sent = append(s.there.sent, got)
}

func readBody(m deliver.Outgoing) (string, error) {
	if _, err := m.Body.Seek(0, io.SeekStart); err != nil {
		return "", fmt.Errorf("reading the message: %w", err)
	}
	text, err := io.ReadAll(m.Body)
	if err != nil {
		return "", fmt.Errorf("reading the message: %w", err)
	}
	if int64(len(text)) != m.Octets {
		return "", fmt.Errorf("the message has %d octets, not %d", len(text), m.Octets)
	}
	return string(text), nil
}

// Place is the name.
func (s *MemorySender) Place() string { return s.Name }

// Lanes is Parallel, or 1.
func (s *MemorySender) Lanes() int { return max(s.Parallel, 1) }

// Check does what OnCheck says.
func (s *MemorySender) Check(ctx context.Context, remembered string) error {
	s.count("Check")
	if err := ctx.Err(); err != nil {
		return err
	}
	return call(s.OnCheck, remembered)
}

// Close ends this Sender; its destination lives on.
func (s *MemorySender) Close() error {
	s.count("Close")
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	if s.OnClose == nil {
		return nil
	}
	return s.OnClose()
}

var (
	_ deliver.Sender  = (*MemorySender)(nil)
	_ deliver.Checker = (*MemorySender)(nil)
)
