package uidltest

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"strings"

	"github.com/popsync/popsync/uidl"
)

// memoryAccount is an account of a Memory, whose lock guards it.
type memoryAccount struct {
	l       *memoryLedger
	name    string
	lease   *memoryLease
	info    uidl.Info // as of the own commits: another holder's are not seen
	lastSeq int64     // the highest that is stored, or was given since the lease was taken
	found   uidl.Key  // marker of an earlier holder
	noted   uidl.Note // of an earlier lease
	closed  bool
	lost    chan struct{} // closed when the lease is
}

var errAccountClosed = errors.New("account is closed")

// snapshot is the state of now, or an empty one with the error. No lock is held while it is read: the reader may commit.
// An account that had no row when the lease was taken, and none since, sees none.
func (a *memoryAccount) snapshot(ctx context.Context) (s *memoryState, err error) {
	s = new(memoryState)
	err = a.l.do(ctx, func() error {
		if now := a.l.m.states[a.name]; now != nil && a.info.Epoch != 0 {
			s = now
		}
		return nil
	})
	return s, err
}

// where returns the rows that fit, by key.
func (a *memoryAccount) where(ctx context.Context, fits func(*uidl.Message) bool) (found []uidl.Message, err error) {
	s, err := a.snapshot(ctx)
	for _, m := range s.messages {
		if fits(&m) {
			found = append(found, m)
		}
	}
	slices.SortFunc(found, func(a, b uidl.Message) int { return compareKeys(a.Key, b.Key) })
	return found, err
}

func (a *memoryAccount) Info() uidl.Info {
	a.l.m.mu.Lock()
	defer a.l.m.mu.Unlock()
	return copyInfo(a.info)
}

func (a *memoryAccount) Messages(ctx context.Context) iter.Seq2[uidl.Row, error] {
	return func(yield func(uidl.Row, error) bool) {
		all, err := a.where(ctx, func(*uidl.Message) bool { return true })
		for i := range all {
			if !yield(all[i].Row, nil) {
				return
			}
		}
		if err != nil {
			yield(uidl.Row{}, err)
		}
	}
}

func (a *memoryAccount) Find(ctx context.Context, keys []uidl.Key) ([]uidl.Message, error) {
	return a.where(ctx, func(m *uidl.Message) bool { return slices.Contains(keys, m.Key) })
}

func (a *memoryAccount) Matches(ctx context.Context, fps []uidl.Fingerprint) ([]uidl.Message, error) {
	return a.where(ctx, func(m *uidl.Message) bool {
		return m.Fingerprint != (uidl.Fingerprint{}) && slices.Contains(fps, m.Fingerprint)
	})
}

func (a *memoryAccount) Pending(ctx context.Context) ([]uidl.Delivery, error) {
	s, err := a.snapshot(ctx)
	return s.pending(), err
}

func (a *memoryAccount) Destinations(ctx context.Context) ([]uidl.Destination, error) {
	s, err := a.snapshot(ctx)
	return s.byName(), err
}

// Reading keeps the note where the next holder finds it; that of a holder whose lease was taken away goes nowhere.
func (a *memoryAccount) Reading(k uidl.Key) error {
	a.l.m.mu.Lock()
	defer a.l.m.mu.Unlock()
	if a.closed {
		return errAccountClosed
	}
	a.found = uidl.Key{}
	if k != (uidl.Key{}) {
		if err := k.Check(); err != nil {
			return err
		}
	}
	if a.lease.holder == a {
		a.lease.marker = k
	}
	return nil
}

func (a *memoryAccount) Interrupted() (uidl.Key, bool) {
	a.l.m.mu.Lock()
	defer a.l.m.mu.Unlock()
	return a.found, a.found != uidl.Key{}
}

func (a *memoryAccount) Noted() (uidl.Note, bool) { return a.noted, a.noted != uidl.Note{} }

func (a *memoryAccount) Lost() <-chan struct{} { return a.lost }

// lose ends the lease, once; the place is locked.
func (a *memoryAccount) lose() {
	if !a.hasLost() {
		close(a.lost)
	}
}

func (a *memoryAccount) hasLost() bool {
	select {
	case <-a.lost:
		return true
	default:
		return false
	}
}

// Forget takes the account's state away, and what its lease keeps, unless another holder has changed it since.
func (a *memoryAccount) Forget(ctx context.Context) error {
	return a.l.do(ctx, func() error {
		if a.closed {
			return errAccountClosed
		}
		if a.hasLost() {
			return uidl.ErrLeaseLost
		}
		if a.info.Epoch != 0 {
			s := a.l.m.states[a.name]
			if s == nil || s.info.Epoch != a.info.Epoch || s.info.Token != a.info.Token {
				a.lose()
				return uidl.ErrLeaseLost
			}
			delete(a.l.m.states, a.name)
		}
		a.info, a.lastSeq, a.found, a.noted = uidl.Info{Name: a.name}, 0, uidl.Key{}, uidl.Note{}
		if a.lease.holder == a {
			a.lease.marker, a.lease.note = uidl.Key{}, uidl.Note{}
		}
		return nil
	})
}

// Close gives the lease back; the second call does nothing.
func (a *memoryAccount) Close() error {
	a.l.m.mu.Lock()
	defer a.l.m.mu.Unlock()
	if a.closed {
		return nil
	}
	a.closed = true
	a.l.open--
	if a.l.m.Lazy {
		a.lease.marker = uidl.Key{}
	}
	if a.lease.holder == a {
		a.lease.holder = nil
	}
	return nil
}

func compareKeys(a, b uidl.Key) int {
	return cmp.Or(strings.Compare(a.UID, b.UID), cmp.Compare(a.Dup, b.Dup))
}
