package sqlite

import (
	"context"
	"sync"
	"testing"
)

// InDoubt has the COMMIT of what commit commits fail: it shares it with a change that breaks a rule at which SQLite looks then.
func (l *Ledger) InDoubt(t *testing.T, commit func() error) (err error) {
	t.Helper()
	w := l.writer
	<-w.turn
	var both sync.WaitGroup
	var broken error
	both.Go(func() { err = commit() })
	await(w, 1)
	both.Go(func() { broken = w.transact(context.Background(), breaksAtCommit) })
	await(w, 2)
	w.turn <- struct{}{}
	both.Wait()
	if broken == nil {
		t.Error("the COMMIT did not fail: the test tests nothing")
	}
	return err
}

// breaksAtCommit breaks a constraint that only COMMIT looks at.
func breaksAtCommit(tx *tx) error {
	if err := tx.exec("PRAGMA defer_foreign_keys = 1"); err != nil {
		return err
	}
	return tx.exec(`INSERT INTO pass (account, n, started, ended, ok) VALUES (99, 1, 1, 1, 1)`)
}
