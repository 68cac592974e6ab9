package uidl

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// account is an Account of a SQLite ledger.
type account struct {
	l     *SQLite
	name  string
	id    int64
	lease *lease

	commits sync.Mutex // held for the length of a commit

	mu      sync.Mutex // guards info and lastSeq; a commit replaces them as its last step
	info    Info
	lastSeq int64
}

// Acquire takes the account's lease. The order matters: the file lock keeps others out, the epoch then fences off a
// holder whose lock was lost behind its back (a lease folder that was deleted or restored).
func (l *SQLite) Acquire(ctx context.Context, name string) (Account, error) {
	a, err := l.acquire(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("acquire account %.80q: %w", name, err)
	}
	return a, nil
}

func (l *SQLite) acquire(ctx context.Context, name string) (_ *account, err error) {
	if err := l.enter(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			l.leave()
		}
	}()
	lease, err := takeLease(l.dir, name)
	if err != nil {
		return nil, err
	}
	a := &account{l: l, name: name, lease: lease}
	err = l.writer.transact(ctx, func(t *tx) error { return a.register(t, name) })
	if err != nil {
		lease.release()
		return nil, l.explain(err)
	}
	return a, nil
}

// register counts a new epoch in the account's row, which it creates when there is none, and loads the row.
func (a *account) register(t *tx, name string) error {
	err := t.exec(`INSERT INTO account (name, epoch) VALUES (?, 1)
		ON CONFLICT (name) DO UPDATE SET epoch = account.epoch + 1`, name)
	if err != nil {
		return err
	}
	i := &a.info
	i.Name = name
	err = t.queryRow(`SELECT id, epoch, listings, listing_days, listed_at, succeeded_at,
		next_try, failures, verdict, facts FROM account WHERE name = ?`, []any{name},
		&a.id, &i.Epoch, &i.Listings, &i.ListingDays, &i.ListedAt, &i.SucceededAt,
		&i.NextTry, &i.Failures, &i.Verdict, &i.Facts)
	if err != nil {
		return err
	}
	return t.queryRow(`SELECT coalesce(max(seq), 0) FROM delivery WHERE account = ?`, []any{a.id}, &a.lastSeq)
}

// enter counts an open account, leave uncounts it.
func (l *SQLite) enter() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return errors.New("ledger is closed")
	}
	l.accounts++
	return nil
}

func (l *SQLite) leave() {
	l.mu.Lock()
	l.accounts--
	l.mu.Unlock()
}

// Info is the account's own row.
func (a *account) Info() Info {
	a.mu.Lock()
	defer a.mu.Unlock()
	i := a.info
	i.Facts = append([]byte(nil), i.Facts...)
	return i
}

// Reading notes the message whose body is about to be read.
func (a *account) Reading(k Key) error {
	if err := a.lease.reading(k); err != nil {
		return fmt.Errorf("note what is being read: %w", err)
	}
	return nil
}

// Interrupted is the note of an earlier holder.
func (a *account) Interrupted() (Key, bool) { return a.lease.interrupted() }

// Close gives the lease back; the second call does nothing.
func (a *account) Close() error {
	held, err := a.lease.release()
	if held {
		a.l.leave()
	}
	if err != nil {
		return fmt.Errorf("give account %s back: %w", a.name, err)
	}
	return nil
}
