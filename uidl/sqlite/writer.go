package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"sync"

	sqlite3 "modernc.org/sqlite/lib"
)

// writer is the one connection that changes the ledger. Changes of all accounts queue here, so that within this process
// none ever waits in SQLite's busy handler; those that queue up while one is being committed share the next commit.
type writer struct {
	db    *sql.DB
	turn  chan struct{} // holds one token while nobody writes; whoever has it guards all up to doubt
	conn  *sql.Conn
	stmts map[string]*sql.Stmt   // that give a row
	execs map[string]driver.Stmt // that give none: see execCount
	args  []driver.NamedValue    // of the statement being run
	doubt error                  // a COMMIT failed: what is durable is not known until the ledger is opened anew

	mu    sync.Mutex
	queue []*pending // not begun yet, oldest first
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
		stmts: make(map[string]*sql.Stmt), execs: make(map[string]driver.Stmt),
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
		for _, p := range group {
			if !ended && p.err == nil {
				p.err = errBroken
			}
			close(p.done)
		}
		if !ended {
			w.doubt = errBroken
		}
		w.turn <- struct{}{}
	}()
	w.commit(ctx, group)
	ended = true
}

// errBroken is for all who waited when a change panicked: nobody knows then what the next COMMIT would make durable.
var errBroken = errors.New("a change broke off in the midst of its transaction")

// commit runs a group of changes in one transaction, and leaves each one's result in it.
func (w *writer) commit(ctx context.Context, group []*pending) {
	all := func(err error) {
		for _, p := range group {
			if p.err == nil {
				p.err = err
			}
		}
	}
	if len(group) == 0 {
		return
	}
	if w.doubt != nil {
		all(fmt.Errorf("an earlier commit is in doubt, the ledger must be opened anew: %w", w.doubt))
		return
	}
	t := &tx{w: w, ctx: context.WithoutCancel(ctx)}
	if _, err := w.conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		// When ctx ends just then, the transaction may have begun.
		all(undone(err, w.rollback(t.ctx)))
		return
	}
	if len(group) == 1 {
		if err := group[0].f(t); err != nil {
			all(undone(err, w.rollback(t.ctx)))
			return
		}
	} else if err := w.each(t, group); err != nil {
		all(undone(err, w.rollback(t.ctx)))
		return
	}
	if err := t.exec("COMMIT"); err != nil {
		rerr := w.rollback(t.ctx)
		if !nothingCommitted(err) || rerr != nil {
			w.doubt = err
		}
		all(undone(err, rerr))
	}
}

// nothingCommitted tells of a COMMIT that failed that it certainly made nothing durable. Locked: it had not begun. Full: a
// write to the log came out short. In WAL mode the frame that makes a commit of what stands there is the last that is
// written, and its checksum is over all before (walFrames in SQLite's wal.c; frames that only fill up a sector would follow
// where overwriting is not powersafe, but SQLite takes it to be so everywhere on unix). What fails after it, the sync or the
// log's index, has another code.
func nothingCommitted(err error) bool {
	code := resultCode(err)
	return code == sqlite3.SQLITE_BUSY || code == sqlite3.SQLITE_FULL
}

// undone is the error of a transaction that was taken back. If it could not be, nothing of err may say that it was.
func undone(err, rollback error) error {
	if rollback == nil {
		return err
	}
	return fmt.Errorf("%v; it could not be taken back: %w", err, rollback)
}

// each runs changes of a group, each within a savepoint: one that fails is taken back alone. An error is of the whole
// transaction.
func (w *writer) each(t *tx, group []*pending) error {
	for _, p := range group {
		if err := t.exec("SAVEPOINT change"); err != nil {
			return err
		}
		if p.err = p.f(t); p.err != nil {
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
// there is none by the code for misuse. A connection that cannot get out of a transaction is of no use, and what it
// would commit next is not known.
func (w *writer) rollback(ctx context.Context) error {
	_, err := w.conn.ExecContext(ctx, "ROLLBACK")
	if err == nil || resultCode(err) == sqlite3.SQLITE_ERROR {
		return nil
	}
	w.doubt = err
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

// tx is a transaction of the writer; its statements are prepared once and kept.
type tx struct {
	w   *writer
	ctx context.Context
}

func (t *tx) exec(query string, args ...any) error {
	_, err := t.execCount(query, args...)
	return err
}

// execCount also says how many rows it touched. It goes straight to the driver: a batch runs thousands of these, and the
// ways of database/sql made up a sixth of their cost.
func (t *tx) execCount(query string, args ...any) (n int64, err error) {
	w := t.w
	err = w.conn.Raw(func(dc any) error {
		s := w.execs[query]
		if s == nil {
			if s, err = dc.(driver.ConnPrepareContext).PrepareContext(t.ctx, query); err != nil {
				return err
			}
			w.execs[query] = s
		}
		w.args = w.args[:0]
		for i, a := range args {
			v, err := driver.DefaultParameterConverter.ConvertValue(a)
			if err != nil {
				return err
			}
			w.args = append(w.args, driver.NamedValue{Ordinal: i + 1, Value: v})
		}
		r, err := s.(driver.StmtExecContext).ExecContext(t.ctx, w.args)
		if err != nil {
			return err
		}
		n, err = r.RowsAffected()
		return err
	})
	return n, err
}

func (t *tx) queryRow(query string, args []any, dest ...any) error {
	s := t.w.stmts[query]
	if s == nil {
		var err error
		if s, err = t.w.conn.PrepareContext(t.ctx, query); err != nil {
			return err
		}
		t.w.stmts[query] = s
	}
	return s.QueryRowContext(t.ctx, args...).Scan(dest...)
}
