package sqlite

import (
	"context"
	"fmt"

	"github.com/popsync/popsync/uidl"
)

const (
	secondsPerDay = 86_400
	purgeDays     = 90
	purgeListings = 10
	passesKept    = 100
)

// Commit applies one change in one transaction.
func (a *account) Commit(ctx context.Context, c uidl.Change) error {
	if c.Empty() {
		return nil
	}
	if err := a.commit(ctx, c); err != nil {
		return fmt.Errorf("commit to ledger, account %s: %w", a.name, a.l.explain(err))
	}
	return nil
}

func (a *account) commit(ctx context.Context, c uidl.Change) error {
	if err := c.Check(); err != nil {
		return err
	}
	// One change of an account at a time: a change is computed from the Info that the one before leaves.
	a.commits.Lock()
	defer a.commits.Unlock()
	if err := a.holds(); err != nil {
		return err
	}
	a.mu.Lock()
	ch := change{Change: c, account: a.id, info: a.info, lastSeq: a.lastSeq}
	a.mu.Unlock()
	err := a.transact(ctx, func(t *tx) error { ch.tx = t; return ch.apply() })
	if err != nil {
		return err
	}
	a.mu.Lock()
	took := ch.info.Epoch != a.info.Epoch
	a.id, a.info, a.lastSeq = ch.account, ch.info, ch.lastSeq
	a.mu.Unlock()
	if took {
		a.lease.Note(uidl.Note{Token: ch.info.Token, Epoch: ch.info.Epoch})
	}
	return nil
}
