package delivertest

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"sync"

	"github.com/popsync/popsync/deliver"
)

// Memory is a Target in memory that behaves like a remote destination: one ticket per Publish, each a transaction. It
// keeps messages as written and remembers which tickets it has delivered. What was staged and delivered belongs to its
// Place, so that Reopen gives a Target as after a crash.
//
// Each step has a function that may fail it: nil, or one that returns nil, lets it work. They are set before use, and
// called with no lock held. All of Memory may be used from several goroutines.
type Memory struct {
	Name     string // of the place, in its identity and errors
	Messages int    // what Batch returns; 0: 1; with more than 1 it behaves like one that is not remote
	Senders  int    // what Lanes returns; 0: 1

	OnRecognise func() error
	OnIdentify  func(remembered string) error
	OnCreate    func(m deliver.Message) error
	OnWrite     func(m deliver.Message, p []byte) error
	OnTicket    func(m deliver.Message) error
	OnPrepare   func(tickets []deliver.Ticket) error
	OnPublish   func(m deliver.Message) error // before the message is visible
	OnDoubt     func(m deliver.Message) error // after it is visible: an ending in doubt
	OnDiscard   func(tickets []deliver.Ticket) error
	OnFree      func() (int64, error) // nil: not known
	OnClose     func() error

	place      *memoryPlace
	identified bool
}

// Delivered is one message that a Memory has.
type Delivered struct {
	Message deliver.Message
	Body    string
}

type memoryPlace struct {
	mu        sync.Mutex
	last      int
	open      int
	staged    map[deliver.Ticket]*memoryFile
	aside     int
	sent      map[deliver.Ticket]bool
	delivered []Delivered
	calls     map[string]int
}

type memoryFile struct {
	Delivered
	sum      uint32
	prepared bool
}

// NewMemory returns an empty destination.
func NewMemory(name string) *Memory {
	return &Memory{Name: name, place: &memoryPlace{
		staged: map[deliver.Ticket]*memoryFile{}, sent: map[deliver.Ticket]bool{}, calls: map[string]int{},
	}}
}

// Reopen returns a Target over the same place and with the same functions, not identified yet.
func (m *Memory) Reopen() *Memory {
	next := *m
	next.identified = false
	return &next
}

// Delivered returns what is visible, in the order in which it became so.
func (m *Memory) Delivered() []Delivered {
	m.place.mu.Lock()
	defer m.place.mu.Unlock()
	return slices.Clone(m.place.delivered)
}

// Staged returns the staged bytes that a ticket names.
func (m *Memory) Staged(t deliver.Ticket) (body string, ok bool) {
	m.place.mu.Lock()
	defer m.place.mu.Unlock()
	if f := m.place.staged[t]; f != nil {
		return f.Body, true
	}
	return "", false
}

// Places counts open stagings and tickets with bytes.
func (m *Memory) Places() int {
	m.place.mu.Lock()
	defer m.place.mu.Unlock()
	return m.place.open + len(m.place.staged)
}

// Calls counts the calls of a method of Target or Staging, by its name, over all Targets of the place.
func (m *Memory) Calls(method string) int {
	m.place.mu.Lock()
	defer m.place.mu.Unlock()
	return m.place.calls[method]
}

// Damage changes the staged bytes of a ticket.
func (m *Memory) Damage(t deliver.Ticket) {
	m.place.mu.Lock()
	defer m.place.mu.Unlock()
	m.place.staged[t].Body += "!"
}

// begin counts a call and checks what every call needs.
func (m *Memory) begin(ctx context.Context, method string) error {
	m.place.mu.Lock()
	m.place.calls[method]++
	m.place.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if !m.identified {
		return &deliver.Error{Op: method, Place: m.Name, Scope: deliver.WholeTarget, Err: errors.New("not identified")}
	}
	return nil
}

// Create opens a staging place.
func (m *Memory) Create(ctx context.Context, msg deliver.Message) (deliver.Staging, error) {
	if err := m.begin(ctx, "Create"); err != nil {
		return nil, err
	}
	if err := call(m.OnCreate, msg); err != nil {
		return nil, err
	}
	m.place.mu.Lock()
	m.place.open++
	m.place.mu.Unlock()
	return &memoryStaging{m: m, msg: msg}, nil
}

// Prepare marks tickets as durable.
func (m *Memory) Prepare(ctx context.Context, tickets []deliver.Ticket) error {
	if err := m.begin(ctx, "Prepare"); err != nil {
		return err
	}
	if err := call(m.OnPrepare, tickets); err != nil {
		return err
	}
	m.place.mu.Lock()
	defer m.place.mu.Unlock()
	for _, t := range tickets {
		if f := m.place.staged[t]; f != nil {
			f.prepared = true
		}
	}
	return nil
}

// Publish makes each ticket's message visible, unless it was delivered before.
func (m *Memory) Publish(ctx context.Context, tickets []deliver.Ticket) []error {
	errs := make([]error, len(tickets))
	err := m.begin(ctx, "Publish")
	for i, t := range tickets {
		if errs[i] = err; err == nil {
			errs[i] = m.publish(t)
		}
	}
	return errs
}

func (m *Memory) publish(t deliver.Ticket) error {
	p := m.place
	p.mu.Lock()
	f, sent := p.staged[t], p.sent[t]
	p.mu.Unlock()
	switch {
	case sent:
		return nil
	case f == nil:
		return deliver.ErrUnknown
	case crc32.ChecksumIEEE([]byte(f.Body)) != f.sum:
		return deliver.ErrDamaged
	case !f.prepared:
		return &deliver.Error{Op: "publish", Place: m.Name, Err: errors.New("not prepared")}
	}
	if err := call(m.OnPublish, f.Message); err != nil {
		return m.untouched(err)
	}
	p.mu.Lock()
	p.delivered = append(p.delivered, f.Delivered)
	p.sent[t] = true
	delete(p.staged, t)
	p.mu.Unlock()
	return call(m.OnDoubt, f.Message)
}

// untouched says in an error that nothing became visible, as the contract has it for what is not remote.
func (m *Memory) untouched(err error) error {
	var e *deliver.Error
	if m.Remote() || !errors.As(err, &e) || e.Uncertain {
		return err
	}
	mine := *e
	mine.Untouched = true
	return &mine
}

// Discard removes staged bytes.
func (m *Memory) Discard(tickets []deliver.Ticket) error {
	if err := m.begin(context.Background(), "Discard"); err != nil {
		return err
	}
	m.place.mu.Lock()
	for _, t := range tickets {
		delete(m.place.staged, t)
	}
	m.place.mu.Unlock()
	return call(m.OnDiscard, tickets)
}

// Remote is true, unless Messages says otherwise.
func (m *Memory) Remote() bool { return m.Messages <= 1 }

// Batch is Messages, or 1.
func (m *Memory) Batch() int { return max(m.Messages, 1) }

// Lanes is Senders, or 1.
func (m *Memory) Lanes() int { return max(m.Senders, 1) }

// Free is what OnFree says, or unknown.
func (m *Memory) Free(ctx context.Context) (int64, error) {
	if err := m.begin(ctx, "Free"); err != nil || m.OnFree == nil {
		return -1, err
	}
	return m.OnFree()
}

// Close ends this Target; its place lives on.
func (m *Memory) Close() error {
	m.place.mu.Lock()
	m.place.calls["Close"]++
	m.place.mu.Unlock()
	m.identified = false
	if m.OnClose == nil {
		return nil
	}
	return m.OnClose()
}

func call[T any](f func(T) error, arg T) error {
	if f == nil {
		return nil
	}
	return f(arg)
}

// memoryStaging is one message on its way.
type memoryStaging struct {
	m     *Memory
	msg   deliver.Message
	body  []byte
	err   error
	ended bool
}

var errEnded = errors.New("the staging has ended")

func (s *memoryStaging) Write(p []byte) (int, error) {
	if s.ended {
		return 0, errEnded
	}
	if s.err == nil && s.m.OnWrite != nil {
		s.err = s.m.OnWrite(s.msg, p)
	}
	if s.err != nil {
		return 0, s.err
	}
	s.body = append(s.body, p...)
	return len(p), nil
}

func (s *memoryStaging) Ticket() (deliver.Ticket, error) {
	if s.ended {
		return "", errEnded
	}
	err := s.err
	if err == nil {
		err = call(s.m.OnTicket, s.msg)
	}
	s.Abort()
	if err != nil {
		return "", err
	}
	p := s.m.place
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls["Ticket"]++
	p.last++
	t := deliver.Ticket(fmt.Sprintf("memory %d", p.last))
	p.staged[t] = &memoryFile{Delivered: Delivered{s.msg, string(s.body)}, sum: crc32.ChecksumIEEE(s.body)}
	return t, nil
}

// Abort ends the staging; Ticket uses it too.
func (s *memoryStaging) Abort() {
	if s.ended {
		return
	}
	s.ended = true
	s.m.place.mu.Lock()
	s.m.place.open--
	s.m.place.mu.Unlock()
}

var (
	_ deliver.Target = (*Memory)(nil)
	_ deliver.Setter = (*Memory)(nil)
)
