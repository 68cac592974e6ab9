package uidl

import (
	"context"
	"errors"
	"fmt"
)

// Rename gives an account another name: everything that is known of it goes along. It holds both leases meanwhile.
func (l *SQLite) Rename(ctx context.Context, from, to string) error {
	if err := l.rename(ctx, from, to); err != nil {
		return fmt.Errorf("rename account %.80q to %.80q: %w", from, to, l.explain(err))
	}
	return nil
}

func (l *SQLite) rename(ctx context.Context, from, to string) error {
	if err := l.enter(); err != nil {
		return err
	}
	defer l.leave()
	old, err := takeLease(l.dir, from)
	if err != nil {
		return err
	}
	defer old.release()
	next, err := takeLease(l.dir, to)
	if err != nil {
		return err
	}
	defer next.release()
	// Before the row moves: a crash in between leaves a note too many, which only names a message to be careful with.
	if k, ok := old.interrupted(); ok {
		if err := next.reading(k); err != nil {
			return err
		}
	}
	return l.writer.transact(ctx, func(t *tx) error {
		var taken int
		if err := t.queryRow(`SELECT count(*) FROM account WHERE name = ?`, []any{to}, &taken); err != nil {
			return err
		}
		if taken > 0 {
			return ErrNameTaken
		}
		n, err := t.execCount(`UPDATE account SET name = ?, epoch = epoch + 1 WHERE name = ?`, to, from)
		if err == nil && n == 0 {
			err = errors.New("the ledger has no such account")
		}
		return err
	})
}
