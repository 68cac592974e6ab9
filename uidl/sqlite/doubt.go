package sqlite

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/popsync/popsync/uidl"
)

// A COMMIT that failed is in doubt, but for a few ways of failing: SQLite has not applied it, and a process that comes after a
// kill may find that it is there all the same. docs/decisions/doubt.md has what is done about it, and why that is safe.

// nothingCommitted tells of a COMMIT that failed that it certainly made nothing durable. Locked: it had not begun. Full: a
// write to the log came out short. In WAL mode the frame that makes a commit of what stands there is the last that is
// written, and its checksum is over all before (walFrames in SQLite's wal.c; frames that only fill up a sector would follow
// where overwriting is not powersafe, but SQLite takes it to be so everywhere on unix). What fails after it, the sync or the
// log's index, has another code.
func nothingCommitted(err error) bool {
	code := resultCode(err)
	return code == sqlite3.SQLITE_BUSY || code == sqlite3.SQLITE_FULL
}

// inDoubt is the error of a COMMIT of which nobody knows what came of it. Nothing of err may say that it was not applied; that
// the ledger is damaged outweighs the doubt.
func inDoubt(err error) error {
	if damaged := classify(err); errors.Is(damaged, uidl.ErrCorrupt) {
		return fmt.Errorf("%w: %w", uidl.ErrDoubt, damaged)
	}
	return fmt.Errorf("%w: %v", uidl.ErrDoubt, err)
}

// shaken tells of a transaction that failed before its COMMIT that the connection, or the disk, is to blame. What the change
// asked for, a full disk and a lock do not shake it.
func shaken(err error) bool {
	switch resultCode(err) {
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_INTERNAL:
		return true
	}
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone)
}

// lostError is of a change that was certainly not applied, because the writer is given up.
type lostError struct{ cause error }

func (e *lostError) Error() string {
	return fmt.Sprintf("%v: the ledger has to be opened anew, since a write to it failed (%v)", uidl.ErrLeaseLost, e.cause)
}
func (e *lostError) Unwrap() error { return uidl.ErrLeaseLost }

// ending is why a writer was given up.
type ending struct {
	cause  error
	doubt  bool // nobody knows what came of a COMMIT
	broken bool // it is our own fault, and no other may follow
}

// giveUp ends the writer: it never writes again, and all leases that were taken by it are lost, before anybody is told what
// became of his change. The caller has the turn.
func (w *writer) giveUp(end ending) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.end = end
	for a := range w.holders {
		a.lose()
	}
	clear(w.holders)
}

// ended is why the writer was given up; zero: it was not.
func (w *writer) ended() ending {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.end
}

// hold notes that an account's lease was taken by this writer, and ends with it. The caller has the turn.
func (w *writer) hold(a *account) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.holders[a] = struct{}{}
}

// unhold forgets a lease.
func (w *writer) unhold(a *account) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.holders, a)
}
