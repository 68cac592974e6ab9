package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"

	"github.com/popsync/popsync/uidl"
	"github.com/popsync/popsync/uidl/sqlite/leasefile"
)

// account is an Account of a SQLite ledger.
type account struct {
	l     *Ledger
	name  string
	lease *leasefile.Lease
	noted uidl.Note // of an earlier lease; zero: none that counts
	w     *writer   // by which the lease was taken; with it the lease ends
	lost  chan struct{}
	lose  func() // closes lost, once

	commits sync.Mutex // held for the length of a commit

	mu      sync.Mutex // guards what follows; a commit replaces it as its last step
	id      int64      // 0: there is no row yet
	info    uidl.Info
	lastSeq int64
}

// Acquire takes the account's lease. The order matters: the file lock keeps others out, the epoch then fences off a
// holder whose lock was lost behind its back (a lease folder that was deleted or restored).
func (l *Ledger) Acquire(ctx context.Context, name string) (uidl.Account, error) {
	a, err := l.acquire(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("acquire account %.80q: %w", name, err)
	}
	return a, nil
}

func (l *Ledger) acquire(ctx context.Context, name string) (_ *account, err error) {
	if err := l.enter(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			l.leave()
		}
	}()
	lease, err := leasefile.Take(l.leases, name)
	if err != nil {
		return nil, err
	}
	a := &account{l: l, name: name, lease: lease}
	err = l.write(ctx, true, func(t *tx) error { return a.register(t) })
	if err != nil {
		if a.w != nil {
			a.w.unhold(a)
		}
		lease.Release()
		return nil, err
	}
	if a.id != 0 {
		lease.Note(uidl.Note{Token: a.info.Token, Epoch: a.info.Epoch})
	}
	return a, nil
}

// InUse looks at the lock of the account's lease.
func (l *Ledger) InUse(_ context.Context, name string) (bool, error) {
	return leasefile.InUse(l.leases, name)
}

// register counts a new epoch in the account's row, if there is one, and loads the row. Without one it writes nothing.
func (a *account) register(t *tx) error {
	a.id, a.info, a.lastSeq = 0, uidl.Info{Name: a.name}, 0
	lost := make(chan struct{})
	a.w, a.lost, a.lose = t.w, lost, sync.OnceFunc(func() { close(lost) })
	a.w.hold(a)
	if err := a.judgeNote(t); err != nil {
		return err
	}
	// A note of a later lease says that this is an older copy. Whoever only looks must not overtake it: the number stays until
	// it is lifted.
	n := a.lease.Noted()
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
	a.noted = a.lease.Noted()
	if a.noted == (uidl.Note{}) {
		return nil
	}
	var others int
	err := t.queryRow(`SELECT count(*) FROM account WHERE token = ? AND name <> ?`, []any{a.noted.Token, a.name}, &others)
	if err == nil && others > 0 {
		a.noted = uidl.Note{}
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
func (l *Ledger) enter() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return errors.New("ledger is closed")
	}
	l.accounts++
	return nil
}

func (l *Ledger) leave() {
	l.mu.Lock()
	l.accounts--
	l.mu.Unlock()
}

// Info is the account's own row.
func (a *account) Info() uidl.Info {
	a.mu.Lock()
	defer a.mu.Unlock()
	i := a.info
	i.Facts = append([]byte(nil), i.Facts...)
	return i
}

// Reading notes the message whose body is about to be read.
func (a *account) Reading(k uidl.Key) error {
	if err := a.lease.Reading(k); err != nil {
		return fmt.Errorf("note what is being read: %w", err)
	}
	return nil
}

// Interrupted is the note of an earlier holder.
func (a *account) Interrupted() (uidl.Key, bool) { return a.lease.Interrupted() }

// Noted is what an earlier lease left in the lease file.
func (a *account) Noted() (uidl.Note, bool) { return a.noted, a.noted != uidl.Note{} }

// Lost is closed with the writer by which the lease was taken, or when a commit finds that a later lease was given out.
func (a *account) Lost() <-chan struct{} { return a.lost }

// holds fails when the lease was given back or is lost.
func (a *account) holds() error {
	if !a.lease.Held() {
		return leasefile.ErrClosed
	}
	select {
	case <-a.lost:
		return uidl.ErrLeaseLost
	default:
		return nil
	}
}

// transact makes a change under the lease.
func (a *account) transact(ctx context.Context, f func(*tx) error) error {
	err := a.w.transact(ctx, f)
	if errors.Is(err, uidl.ErrLeaseLost) || errors.Is(err, uidl.ErrDoubt) {
		a.lose()
	}
	return err
}

// Close gives the lease back; the second call does nothing.
func (a *account) Close() error {
	held, err := a.lease.Release()
	if held {
		a.w.unhold(a)
		a.l.leave()
	}
	if err != nil {
		return fmt.Errorf("give account %s back: %w", a.name, err)
	}
	return nil
}
