package uidl

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
)

// account is an Account of a SQLite ledger.
type account struct {
	l     *SQLite
	name  string
	lease *lease
	noted Note // of an earlier lease; zero: none that counts

	commits sync.Mutex // held for the length of a commit

	mu      sync.Mutex // guards what follows; a commit replaces it as its last step
	id      int64      // 0: there is no row yet
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
	err = l.writer.transact(ctx, func(t *tx) error { return a.register(t) })
	if err != nil {
		lease.release()
		return nil, l.explain(err)
	}
	if a.id != 0 {
		lease.note(Note{a.info.Token, a.info.Epoch})
	}
	return a, nil
}

// register counts a new epoch in the account's row, if there is one, and loads the row. Without one it writes nothing.
func (a *account) register(t *tx) error {
	a.id, a.info, a.lastSeq = 0, Info{Name: a.name}, 0
	if err := a.judgeNote(t); err != nil {
		return err
	}
	// A note of a later lease says that this is an older copy. Whoever only looks must not overtake it: the number stays until
	// it is lifted.
	n := a.lease.noted()
	_, err := t.execCount(`UPDATE account SET epoch = epoch + 1 WHERE name = ?1 AND NOT (token = ?2 AND epoch < ?3)`,
		a.name, n.Token, n.Epoch)
	if err != nil {
		return err
	}
	err = t.queryRow(`SELECT a.id, `+infoColumns+` FROM account AS a WHERE a.name = ?`, []any{a.name},
		append([]any{&a.id}, scanInfo(&a.info)...)...)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	} else if err != nil {
		return err
	}
	return t.queryRow(`SELECT coalesce(max(seq), 0) FROM delivery WHERE account = ?`, []any{a.id}, &a.lastSeq)
}

// judgeNote believes the note in the lease file unless it is of an account that has another name now: then it was left
// when that one was renamed.
func (a *account) judgeNote(t *tx) error {
	a.noted = a.lease.noted()
	if a.noted == (Note{}) {
		return nil
	}
	var others int
	err := t.queryRow(`SELECT count(*) FROM account WHERE token = ? AND name <> ?`, []any{a.noted.Token, a.name}, &others)
	if err == nil && others > 0 {
		a.noted = Note{}
	}
	return err
}

// row is the number of the account's row, 0 while there is none: no row of any other table has that.
func (a *account) row() int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.id
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

// Noted is what an earlier lease left in the lease file.
func (a *account) Noted() (Note, bool) { return a.noted, a.noted != Note{} }

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
