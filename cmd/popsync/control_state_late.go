//go:build control_latestate

package main

import (
	"context"
	"errors"

	"github.com/popsync/popsync/uidl"
)

// ledgerOf makes every pass commit what it did only at its end, after QUIT.
func ledgerOf(l uidl.Ledger) uidl.Ledger { return lateLedger{l} }

type lateLedger struct{ uidl.Ledger }

func (l lateLedger) Acquire(ctx context.Context, account string) (uidl.Account, error) {
	a, err := l.Ledger.Acquire(ctx, account)
	if err != nil {
		return nil, err
	}
	return &lateAccount{Account: a}, nil
}

type lateAccount struct {
	uidl.Account
	changes []uidl.Change
}

func (a *lateAccount) Commit(_ context.Context, c uidl.Change) error {
	a.changes = append(a.changes, c)
	return nil
}

func (a *lateAccount) Close() error {
	var errs []error
	for _, c := range a.changes {
		errs = append(errs, a.Account.Commit(context.Background(), c))
	}
	return errors.Join(append(errs, a.Account.Close())...)
}
