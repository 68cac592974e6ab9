package uidltest

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/popsync/popsync/uidl"
)

// ErrInjected is what a Fault without Err returns: the commit is in doubt.
var ErrInjected = fmt.Errorf("injected failure of a ledger commit: %w", uidl.ErrDoubt)

// ErrAfterFault is what a commit returns that comes after an injected failure, and must not: who goes on has broken the contract
// (see Faulty.Late).
var ErrAfterFault = fmt.Errorf("commit after a commit that failed: %w", uidl.ErrLeaseLost)

// Fault fails one commit.
type Fault struct {
	Commit  int  // which one, from 1, counted over all accounts; 0: none
	Applied bool // the change is applied, and the error returned all the same: the other half of "in doubt"
	// Err is what that commit returns; nil: ErrInjected. After uidl.ErrDoubt and uidl.ErrLeaseLost that lease is lost, and the
	// ledger goes on; uidl.ErrLocked and uidl.ErrFull pass by; after any other error nobody may commit any more.
	Err error
}

// Faulty wraps a ledger to fail, count and watch commits. Empty changes don't count. It is safe for concurrent use.
type Faulty struct {
	uidl.Ledger
	fault Fault
	// Watch, when set before the first Acquire, is told of each change after it was applied, one at a time.
	Watch func(account string, c uidl.Change)

	mu      sync.Mutex
	commits int
	late    int
}

// NewFaulty wraps l; closing the wrapper closes l.
func NewFaulty(l uidl.Ledger, f Fault) *Faulty {
	if f.Err == nil {
		f.Err = ErrInjected
	}
	return &Faulty{Ledger: l, fault: f}
}

// Commits says how many commits were attempted; a sweep is complete when its fault lies beyond.
func (f *Faulty) Commits() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.commits
}

// Hit says whether the fault was met. A test whose fault is not met tests nothing.
func (f *Faulty) Hit() bool { return f.fault.Commit > 0 && f.Commits() >= f.fault.Commit }

// Late counts commits attempted after the one that failed: it must be 0.
func (f *Faulty) Late() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.late
}

// Acquire wraps the account.
func (f *Faulty) Acquire(ctx context.Context, account string) (uidl.Account, error) {
	a, err := f.Ledger.Acquire(ctx, account)
	if err != nil {
		return nil, err
	}
	return &faultyAccount{Account: a, f: f, name: account, lost: make(chan struct{})}, nil
}

type faultyAccount struct {
	uidl.Account
	f    *Faulty
	name string
	lost chan struct{} // closed when the fault took the lease
	hit  bool          // f.mu guards it
}

// Lost is closed by the fault; that the lease itself is lost, a commit tells.
func (a *faultyAccount) Lost() <-chan struct{} {
	if a.f.fault.Commit == 0 {
		return a.Account.Lost()
	}
	return a.lost
}

func (a *faultyAccount) Commit(ctx context.Context, c uidl.Change) error {
	if c.Empty() {
		return a.Account.Commit(ctx, c)
	}
	f := a.f
	f.mu.Lock()
	defer f.mu.Unlock()
	f.commits++
	is := func(err error) bool { return errors.Is(f.fault.Err, err) }
	passes := is(uidl.ErrLocked) || is(uidl.ErrFull)
	switch {
	case a.hit && is(uidl.ErrLeaseLost):
		return f.fault.Err
	case a.hit && !passes, f.fault.Commit > 0 && f.commits > f.fault.Commit && !passes && !is(uidl.ErrLeaseLost) && !is(uidl.ErrDoubt):
		f.late++
		return ErrAfterFault
	}
	if f.commits == f.fault.Commit {
		a.hit = true
		if is(uidl.ErrLeaseLost) || is(uidl.ErrDoubt) {
			defer close(a.lost)
		}
		if !f.fault.Applied {
			return f.fault.Err
		}
	}
	if err := a.Account.Commit(ctx, c); err != nil {
		return err
	}
	if f.Watch != nil {
		f.Watch(a.name, c)
	}
	if f.commits == f.fault.Commit {
		return f.fault.Err
	}
	return nil
}
