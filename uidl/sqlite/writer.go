package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"slices"
	"sync"

	sqlite3 "modernc.org/sqlite/lib"
)

// writer is the one connection that changes the ledger. Changes of all accounts queue here, so that within this process
// none ever waits in SQLite's busy handler; those that queue up while one is being committed share the next commit. One that
// cannot be trusted any more is given up, and never writes again: see giveUp.
type writer struct {
	db    *sql.DB
	turn  chan struct{} // holds one token while nobody writes; whoever has it guards all up to args
	conn  *sql.Conn
	stmts map[string]*sql.Stmt   // that give a row
	execs map[string]driver.Stmt // that give none: see execCount
	args  []driver.NamedValue    // of the statement being run

	mu      sync.Mutex
	queue   []*pending            // not begun yet, oldest first
	holders map[*account]struct{} // whose leases were taken by it
	end     ending                // zero: it writes
}

// pending is one change on its way into a transaction.
type pending struct {
	f    func(*tx) error
	err  error         // valid once done is closed
	done chan struct{} // closed when the change is durable, or known not to have been applied, or in doubt
}

// maxShared bounds how many changes share a commit, and so how long the first of them waits for the others.
const maxShared = 64

// openWriter opens the connection and asserts what durability rests on.
func openWriter(ctx context.Context, path string) (*writer, error) {
	w := &writer{
		db: openPool(path, readWrite), turn: make(chan struct{}, 1),
		stmts: make(map[string]*sql.Stmt), execs: make(map[string]driver.Stmt), holders: make(map[*account]struct{}),
	}
	w.db.SetMaxOpenConns(1)
	err := w.connect(ctx)
	if err != nil {
		w.close()
		return nil, err
	}
	w.turn <- struct{}{}
	return w, nil
}

func (w *writer) connect(ctx context.Context) (err error) {
	if w.conn, err = w.db.Conn(ctx); err != nil {
		return err
	}
	if err := setWAL(ctx, w.conn); err != nil { // nothing to do, unless a person changed the mode
		return err
	}
	if err := assertPragmas(ctx, w.conn); err != nil {
		return err
	}
	// The -wal file stays, truncated, after the last close: a one-shot run then neither creates nor removes it, which
	// saves two syncs of the directory.
	return w.conn.Raw(func(dc any) error {
		_, err := dc.(interface {
			FileControlPersistWAL(db string, mode int) (int, error)
		}).FileControlPersistWAL("main", 1)
		return err
	})
}

// transact runs f in a BEGIN IMMEDIATE transaction and returns when that is committed; other changes may be in it too, each
// whole or not at all. ctx bounds the wait for the turn and, for a change alone, the lock; once the transaction has begun it
// runs to its end, milliseconds later, so that a shutdown never leaves a commit in doubt.
func (w *writer) transact(ctx context.Context, f func(*tx) error) error {
	p := &pending{f: f, done: make(chan struct{})}
	w.mu.Lock()
	w.queue = append(w.queue, p)
	w.mu.Unlock()
	for {
		select {
		case <-p.done:
			return p.err
		case <-w.turn:
			w.share(ctx)
		case <-ctx.Done():
			if w.withdraw(p) {
				return ctx.Err()
			}
			<-p.done // it has begun
			return p.err
		}
	}
}

// withdraw takes a change out of the queue; false when it has begun.
func (w *writer) withdraw(p *pending) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := slices.Index(w.queue, p)
	if i < 0 {
		return false
	}
	w.queue = slices.Delete(w.queue, i, i+1)
	return true
}

// share commits what has queued up, in one transaction, and gives the turn, which the caller has, back. ctx is the caller's.
func (w *writer) share(ctx context.Context) {
	w.mu.Lock()
	n := min(len(w.queue), maxShared)
	group := slices.Clone(w.queue[:n])
	w.queue = slices.Delete(w.queue, 0, n)
	w.mu.Unlock()
	if n > 1 {
		ctx = context.WithoutCancel(ctx) // the end of one must not end the others; SQLite's own patience bounds the wait
	}
	ended := false
	defer func() {
		if !ended {
			w.giveUp(ending{cause: errBroken, broken: true})
		}
		for _, p := range group {
			if !ended && p.err == nil {
				p.err = errBroken
			}
			close(p.done)
		}
		w.turn <- struct{}{}
	}()
	if end := w.commit(ctx, group); end.cause != nil {
		w.giveUp(end)
	}
	ended = true
}

// errBroken is for all who waited when a change panicked: nobody knows then what the next COMMIT would make durable.
var errBroken = errors.New("a change broke off in the midst of its transaction")

// commit runs a group of changes in one transaction, and leaves each one's result in it. It returns why the connection may not
// write again, if so.
func (w *writer) commit(ctx context.Context, group []*pending) (end ending) {
	if len(group) == 0 {
		return end
	}
	all := func(err error) {
		for _, p := range group {
			if p.err == nil {
				p.err = err
			}
		}
	}
	if was := w.ended(); was.cause != nil {
		all(&lostError{was.cause})
		return end
	}
	t := &tx{w: w, ctx: context.WithoutCancel(ctx)}
	if err := w.run(ctx, t, group); err != nil {
		rerr := w.rollback(t.ctx)
		if rerr == nil && !shaken(err) {
			all(err)
			return end
		}
		all(&lostError{err}) // no COMMIT was tried, and none will be
		return ending{cause: err}
	}
	err := t.exec("COMMIT")
	if err == nil {
		return end
	}
	if rerr := w.rollback(t.ctx); rerr == nil && nothingCommitted(err) {
		all(err)
		return end
	}
	all(inDoubt(err))
	return ending{cause: err, doubt: true}
}

// run makes the transaction up to its COMMIT. When ctx ends just as it begins, it may have begun.
func (w *writer) run(ctx context.Context, t *tx, group []*pending) error {
	if _, err := w.conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	if len(group) == 1 {
		return group[0].f(t)
	}
	return w.each(t, group)
}

// each runs changes of a group, each within a savepoint: one that fails is taken back alone. An error is of the whole
// transaction.
func (w *writer) each(t *tx, group []*pending) error {
	for _, p := range group {
		if err := t.exec("SAVEPOINT change"); err != nil {
			return err
		}
		if p.err = p.f(t); shaken(p.err) {
			err := p.err
			p.err = nil
			return err
		}
		if p.err != nil {
			if err := t.exec("ROLLBACK TO change"); err != nil {
				if resultCode(p.err) == sqlite3.SQLITE_FULL {
					return p.err
				}
				return err // SQLite ended the transaction, and all that was in it
			}
		}
		if err := t.exec("RELEASE change"); err != nil {
			return err
		}
	}
	return nil
}

// rollback ends the transaction if there still is one; SQLite itself ends it after some errors, and then says that
// there is none by the code for misuse.
func (w *writer) rollback(ctx context.Context) error {
	_, err := w.conn.ExecContext(ctx, "ROLLBACK")
	if err == nil || resultCode(err) == sqlite3.SQLITE_ERROR {
		return nil
	}
	return err
}

func (w *writer) close() error {
	var errs []error
	for _, s := range w.stmts {
		errs = append(errs, s.Close())
	}
	if w.conn != nil {
		if len(w.execs) > 0 {
			errs = append(errs, w.conn.Raw(func(any) error {
				for _, s := range w.execs {
					errs = append(errs, s.Close())
				}
				return nil
			}))
		}
		errs = append(errs, w.conn.Close())
	}
	return errors.Join(append(errs, w.db.Close())...)
}
