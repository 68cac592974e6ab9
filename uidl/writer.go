package uidl

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	sqlite3 "modernc.org/sqlite/lib"
)

// writer is the one connection that changes the ledger. Transactions of all accounts queue here, so that within this
// process none ever waits in SQLite's busy handler.
type writer struct {
	db    *sql.DB
	turn  chan struct{} // holds one token while nobody writes
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
	doubt error // a COMMIT failed: what is durable is not known until the ledger is opened anew
}

// openWriter opens the connection and asserts what durability rests on.
func openWriter(ctx context.Context, path string) (*writer, error) {
	w := &writer{db: openPool(path, readWrite), turn: make(chan struct{}, 1), stmts: make(map[string]*sql.Stmt)}
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

// transact runs f in one BEGIN IMMEDIATE transaction. ctx bounds the wait for the turn and the lock; once the
// transaction has begun it runs to its end, milliseconds later, so that a shutdown never leaves a commit in doubt.
func (w *writer) transact(ctx context.Context, f func(*tx) error) error {
	select {
	case <-w.turn:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { w.turn <- struct{}{} }()
	if w.doubt != nil {
		return fmt.Errorf("an earlier commit is in doubt, the ledger must be opened anew: %w", w.doubt)
	}
	t := &tx{w: w, ctx: context.WithoutCancel(ctx)}
	if _, err := w.conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		// When ctx ends just then, the transaction may have begun.
		return errors.Join(err, w.rollback(t.ctx))
	}
	if err := f(t); err != nil {
		return errors.Join(err, w.rollback(t.ctx))
	}
	if err := t.exec("COMMIT"); err != nil {
		rerr := w.rollback(t.ctx)
		if resultCode(err) != sqlite3.SQLITE_BUSY || rerr != nil {
			w.doubt = err
		}
		return errors.Join(err, rerr)
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
		errs = append(errs, w.conn.Close())
	}
	return errors.Join(append(errs, w.db.Close())...)
}

// tx is a transaction of the writer; its statements are prepared once and kept.
type tx struct {
	w   *writer
	ctx context.Context
}

func (t *tx) stmt(query string) (*sql.Stmt, error) {
	s := t.w.stmts[query]
	if s == nil {
		var err error
		if s, err = t.w.conn.PrepareContext(t.ctx, query); err != nil {
			return nil, err
		}
		t.w.stmts[query] = s
	}
	return s, nil
}

func (t *tx) exec(query string, args ...any) error {
	_, err := t.execCount(query, args...)
	return err
}

// execCount also says how many rows it touched.
func (t *tx) execCount(query string, args ...any) (int64, error) {
	s, err := t.stmt(query)
	if err != nil {
		return 0, err
	}
	r, err := s.ExecContext(t.ctx, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

func (t *tx) queryRow(query string, args []any, dest ...any) error {
	s, err := t.stmt(query)
	if err != nil {
		return err
	}
	return s.QueryRowContext(t.ctx, args...).Scan(dest...)
}
