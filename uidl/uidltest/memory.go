package uidltest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/popsync/popsync/uidl"
)

// Memory is a place in memory where a ledger is kept: what Open returns may be closed and opened again. It is for tests
// that make thousands of commits, in which a database would be all that takes time. Nothing survives the process.
type Memory struct {
	// Lazy forgets the note of Reading when a lease is given back, as an implementation does that keeps it in memory.
	Lazy bool

	mu     sync.Mutex              // guards all that follows, in every ledger and account of the place
	states map[string]*memoryState // what the database has, by account; a state is never changed: a commit replaces it
	leases map[string]*memoryLease // what the lease files are
	tokens int                     // given
	doubt  *bool                   // the next commit ends in doubt, and is applied or not; nil: it does not
}

// memoryLease is what is kept of an account beside the database.
type memoryLease struct {
	holder *memoryAccount // nil: it is free
	marker uidl.Key       // of Reading
	note   uidl.Note      // of the last lease
}

// memoryState is an account as one commit left it. A reader's snapshot is the pointer to it.
type memoryState struct {
	info         uidl.Info
	messages     map[uidl.Key]uidl.Message
	destinations map[int]uidl.Destination
	deliveries   map[deliveryKey]uidl.Delivery
	last         *uidl.Pass // of a hundred that SQLite keeps, the one that can be seen; never changed
}

type deliveryKey struct {
	uidl.Key
	ordinal int
}

// NewMemory returns a place without accounts.
func NewMemory() *Memory {
	return &Memory{states: map[string]*memoryState{}, leases: map[string]*memoryLease{}}
}

// Saved is a copy of the database of a Memory.
type Saved struct{ states map[string]*memoryState }

// Save copies the database, without what the leases keep beside it.
func (m *Memory) Save() Saved {
	m.mu.Lock()
	defer m.mu.Unlock()
	return Saved{maps.Clone(m.states)}
}

// Restore puts a copy in the place of the database, as a person does with a backup; the zero Saved is an empty one. Notes
// stay as they are. No account may be open.
func (m *Memory) Restore(s Saved) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.states = map[string]*memoryState{}
	maps.Copy(m.states, s.states)
}

// lease finds what is kept beside the database of a name.
func (m *Memory) lease(name string) *memoryLease {
	if m.leases[name] == nil {
		m.leases[name] = new(memoryLease)
	}
	return m.leases[name]
}

// token makes one that was never given, whatever was restored.
func (m *Memory) token() string {
	m.tokens++
	return fmt.Sprintf("%032x", m.tokens)
}

// Open returns a ledger over the place. Several may be open.
func (m *Memory) Open() uidl.Ledger { return &memoryLedger{m: m} }

// Doubt makes the next commit end in doubt, whether it is applied or not. It ends that account's lease and no other.
func (m *Memory) Doubt(applied bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.doubt = &applied
}

// Usurp is Store.Usurp: the lease is free, whoever holds it, and what stood beside the database is lost.
func (m *Memory) Usurp(account string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.leases[account] = new(memoryLease)
}

type memoryLedger struct {
	m      *Memory
	open   int // accounts
	closed bool
}

// do calls f with the place locked.
func (l *memoryLedger) do(ctx context.Context, f func() error) error {
	l.m.mu.Lock()
	defer l.m.mu.Unlock()
	if l.closed {
		return errors.New("ledger is closed")
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return f()
}

func (l *memoryLedger) Acquire(ctx context.Context, name string) (uidl.Account, error) {
	a := &memoryAccount{l: l, name: name, lost: make(chan struct{})}
	err := l.do(ctx, func() error {
		if err := uidl.CheckName(name); err != nil {
			return err
		}
		lease := l.m.lease(name)
		if lease.holder != nil {
			return fmt.Errorf("acquire account %s: %w", name, uidl.ErrBusy)
		}
		lease.holder, a.lease, a.found, a.info = a, lease, lease.marker, uidl.Info{Name: name}
		if a.noted = lease.note; l.m.elsewhere(a.noted.Token, name) {
			a.noted = uidl.Note{}
		}
		if s := l.m.states[name]; s != nil {
			s = s.clone()
			if n := lease.note; n.Token != s.info.Token || n.Epoch <= s.info.Epoch { // else it is an older copy
				s.info.Epoch++
			}
			l.m.states[name], a.info = s, s.info
			for _, d := range s.deliveries {
				a.lastSeq = max(a.lastSeq, d.Seq)
			}
			lease.leave(s.info)
		}
		l.open++
		return nil
	})
	if err != nil {
		return nil, err
	}
	return a, nil
}

// elsewhere tells whether the token is of an account that has another name.
func (m *Memory) elsewhere(token, name string) bool {
	for _, s := range m.states {
		if s.info.Token == token && s.info.Name != name {
			return true
		}
	}
	return false
}

// leave notes a lease, unless what stands there is of the same account and higher.
func (l *memoryLease) leave(i uidl.Info) {
	if l.note.Token != i.Token || l.note.Epoch <= i.Epoch {
		l.note = uidl.Note{Token: i.Token, Epoch: i.Epoch}
	}
}

func (l *memoryLedger) Accounts(ctx context.Context) (all []uidl.Info, err error) {
	sums, err := l.Summaries(ctx)
	for _, s := range sums {
		all = append(all, s.Info)
	}
	return all, err
}

func (l *memoryLedger) Summaries(ctx context.Context) (all []uidl.Summary, err error) {
	err = l.do(ctx, func() error {
		for _, s := range l.m.states {
			all = append(all, s.summary())
		}
		return nil
	})
	slices.SortFunc(all, func(a, b uidl.Summary) int { return strings.Compare(a.Name, b.Name) })
	return all, err
}

func (l *memoryLedger) Stuck(ctx context.Context, account string) (all []uidl.Stuck, err error) {
	err = l.do(ctx, func() error {
		if s := l.m.states[account]; s != nil {
			all = s.stuck()
		}
		return nil
	})
	return all, err
}

func (l *memoryLedger) Identities(ctx context.Context) (all []string, err error) {
	err = l.do(ctx, func() error {
		for _, s := range l.m.states {
			for _, d := range s.destinations {
				if d.Identity != "" && !slices.Contains(all, d.Identity) {
					all = append(all, d.Identity)
				}
			}
		}
		return nil
	})
	slices.Sort(all)
	return all, err
}

func (l *memoryLedger) InUse(ctx context.Context, account string) (used bool, err error) {
	err = l.do(ctx, func() error {
		lease := l.m.leases[account]
		used = lease != nil && lease.holder != nil
		return uidl.CheckName(account)
	})
	return used, err
}

// Check finds nothing: there is nothing that could be damaged.
func (l *memoryLedger) Check(ctx context.Context) error {
	return l.do(ctx, func() error { return nil })
}

// Close refuses while an account is open, as SQLite does; the second call does nothing.
func (l *memoryLedger) Close() error {
	l.m.mu.Lock()
	defer l.m.mu.Unlock()
	if l.open > 0 {
		return fmt.Errorf("close ledger: %d accounts are still open", l.open)
	}
	l.closed = true
	return nil
}

func copyInfo(i uidl.Info) uidl.Info {
	i.Facts = slices.Clone(i.Facts)
	return i
}
