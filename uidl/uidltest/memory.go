package uidltest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/popsync/popsync/uidl"
)

// Memory is a place in memory where a ledger is kept: what Open returns may be closed and opened again. It is for tests
// that make thousands of commits, in which a database would be all that takes time. Nothing survives the process.
type Memory struct {
	mu       sync.Mutex // guards all that follows, in every ledger and account of the place
	accounts map[string]*memoryPlace
}

// memoryPlace is what is kept of one account.
type memoryPlace struct {
	state  *memoryState   // never changed: a commit replaces it
	holder *memoryAccount // of the lease; nil: it is free
	note   uidl.Key       // of Reading
}

// memoryState is an account as one commit left it. A reader's snapshot is the pointer to it.
type memoryState struct {
	info         uidl.Info
	messages     map[uidl.Key]uidl.Message
	destinations map[string]uidl.Destination
	deliveries   map[uidl.Settled]uidl.Delivery
	last         *uidl.Pass // of a hundred that SQLite keeps, the one that can be seen; never changed
}

// NewMemory returns a place without accounts.
func NewMemory() *Memory { return &Memory{accounts: map[string]*memoryPlace{}} }

// Open returns a ledger over the place. Several may be open.
func (m *Memory) Open() uidl.Ledger { return &memoryLedger{m: m} }

// Usurp is Store.Usurp: the lease is free, whoever holds it, and its note is lost.
func (m *Memory) Usurp(account string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.accounts[account].holder, m.accounts[account].note = nil, uidl.Key{}
}

type memoryLedger struct {
	m      *Memory
	open   int // accounts
	closed bool
}

// the names that SQLite's lock files may have
var accountName = regexp.MustCompile(`^[a-z0-9_-][a-z0-9._-]{0,63}$`)

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
	a := &memoryAccount{l: l}
	err := l.do(ctx, func() error {
		if !accountName.MatchString(name) {
			return fmt.Errorf("account name %.80q", name)
		}
		p := l.m.accounts[name]
		switch {
		case p == nil:
			p = &memoryPlace{state: &memoryState{info: uidl.Info{Name: name}}}
			l.m.accounts[name] = p
		case p.holder != nil:
			return fmt.Errorf("acquire account %s: %w", name, uidl.ErrBusy)
		}
		p.state = p.state.clone()
		p.state.info.Epoch++
		p.holder, a.p, a.info, a.found = a, p, p.state.info, p.note
		for _, d := range p.state.deliveries {
			a.lastSeq = max(a.lastSeq, d.Seq)
		}
		l.open++
		return nil
	})
	if err != nil {
		return nil, err
	}
	return a, nil
}

func (l *memoryLedger) Rename(ctx context.Context, from, to string) error {
	return l.do(ctx, func() error {
		p := l.m.accounts[from]
		switch {
		case !accountName.MatchString(to):
			return fmt.Errorf("account name %.80q", to)
		case p == nil:
			return fmt.Errorf("rename account %s: unknown", from)
		case p.holder != nil:
			return fmt.Errorf("rename account %s: %w", from, uidl.ErrBusy)
		case l.m.accounts[to] != nil && l.m.accounts[to].holder != nil:
			return fmt.Errorf("rename account %s to %s: %w", from, to, uidl.ErrBusy)
		case l.m.accounts[to] != nil:
			return fmt.Errorf("rename account %s to %s: %w", from, to, uidl.ErrNameTaken)
		}
		p.state = p.state.clone()
		p.state.info.Name = to
		p.state.info.Epoch++
		delete(l.m.accounts, from)
		l.m.accounts[to] = p
		return nil
	})
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
		for _, p := range l.m.accounts {
			all = append(all, p.state.summary())
		}
		return nil
	})
	slices.SortFunc(all, func(a, b uidl.Summary) int { return strings.Compare(a.Name, b.Name) })
	return all, err
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

// clone copies a state for a commit to change.
func (s *memoryState) clone() *memoryState {
	c := &memoryState{info: s.info, last: s.last, messages: map[uidl.Key]uidl.Message{},
		destinations: map[string]uidl.Destination{}, deliveries: map[uidl.Settled]uidl.Delivery{}}
	maps.Copy(c.messages, s.messages)
	maps.Copy(c.destinations, s.destinations)
	maps.Copy(c.deliveries, s.deliveries)
	return c
}

func (s *memoryState) summary() uidl.Summary {
	gone, of := 0, map[uidl.State]int{}
	for _, m := range s.messages {
		if m.GoneAt != 0 {
			gone++
		} else {
			of[m.State]++
		}
	}
	return uidl.Summary{Info: copyInfo(s.info), Last: s.last, Destinations: s.byName(), Waiting: s.waiting(), Pending: len(s.deliveries), Gone: gone,
		Kept: of[uidl.Delivered], Wanted: of[uidl.Wanted], Parked: of[uidl.Parked], Skipped: of[uidl.Skipped]}
}

func (s *memoryState) waiting() (all []uidl.Waiting) {
	put := map[string]string{} // greatest reason of those put off
	of := map[string]*uidl.Waiting{}
	for _, d := range s.deliveries {
		w := of[d.Destination]
		if w == nil {
			w = &uidl.Waiting{Destination: d.Destination, Since: math.MaxInt64}
			of[d.Destination] = w
		}
		w.Deliveries++
		w.Since = min(w.Since, s.messages[d.Key].FirstSeen)
		w.Reason = max(w.Reason, d.Reason)
		if d.NextTry > d.At {
			w.PutOff++
			put[d.Destination] = max(put[d.Destination], d.Reason)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(of)) {
		of[name].Reason = cmp.Or(put[name], of[name].Reason)
		all = append(all, *of[name])
	}
	return all
}

func (s *memoryState) byName() []uidl.Destination {
	return slices.SortedFunc(maps.Values(s.destinations), func(a, b uidl.Destination) int { return strings.Compare(a.Name, b.Name) })
}

func copyInfo(i uidl.Info) uidl.Info {
	i.Facts = slices.Clone(i.Facts)
	return i
}
