package sqlite

import (
	"context"
	"fmt"

	"github.com/popsync/popsync/uidl"
)

// Forget removes all that is known of the account.
func (a *account) Forget(ctx context.Context) error {
	if err := a.forget(ctx); err != nil {
		return fmt.Errorf("forget account %s: %w", a.name, a.l.explain(err))
	}
	return nil
}

// forget removes the rows in one transaction: an account of which half is known would have the other half delivered again.
// The lease file goes after the commit. A crash in between leaves it, with the note of an account that there is not.
func (a *account) forget(ctx context.Context) error {
	a.commits.Lock()
	defer a.commits.Unlock()
	if err := a.holds(); err != nil {
		return err
	}
	a.mu.Lock()
	ch := change{account: a.id, info: a.info}
	a.mu.Unlock()
	if ch.account != 0 {
		err := a.transact(ctx, func(t *tx) error {
			ch.tx = t
			if err := ch.fence(); err != nil {
				return err
			}
			for _, table := range [...]string{"delivery", "message", "destination", "pass"} { // in the order of references
				if err := t.exec(`DELETE FROM `+table+` WHERE account = ?`, ch.account); err != nil {
					return err
				}
			}
			return t.exec(`DELETE FROM account WHERE id = ?`, ch.account)
		})
		if err != nil {
			return err
		}
		a.mu.Lock()
		a.id, a.info, a.lastSeq = 0, uidl.Info{Name: a.name}, 0
		a.mu.Unlock()
	}
	a.noted = uidl.Note{}
	return a.lease.Remove()
}
