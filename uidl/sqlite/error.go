package sqlite

import (
	"errors"
	"fmt"
	"io/fs"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/popsync/popsync/uidl"
)

// explain turns SQLite's result codes into the errors of this package and adds the path and what to do next.
func (l *Ledger) explain(err error) error {
	err = classify(err)
	switch {
	case errors.Is(err, uidl.ErrCorrupt), errors.Is(err, uidl.ErrForeign):
		return fmt.Errorf("%s: %w. Nothing more is fetched or deleted. Next step: restore a backup, or say: popsync verify --repair. "+
			"It moves %s aside and carries over what can be read", l.path, err, databaseName)
	case errors.Is(err, uidl.ErrNewer):
		return fmt.Errorf("%s: %w. Nothing more is fetched or deleted. Next step: run the newer popsync", l.path, err)
	case errors.Is(err, uidl.ErrLocked):
		return fmt.Errorf("%s: %w. Next step: wait for the other popsync, or close what else has the file open", l.path, err)
	case errors.Is(err, uidl.ErrFull):
		return fmt.Errorf("%s: %w. Next step: make room on its disk", l.path, err)
	}
	return err
}

// classify gives an error of the driver its place among the errors of this package; others pass through.
func classify(err error) error {
	switch resultCode(err) {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return fmt.Errorf("%w: %w", uidl.ErrLocked, err)
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("%w: %w", uidl.ErrFull, err)
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		if !errors.Is(err, uidl.ErrForeign) {
			return fmt.Errorf("%w: %w", uidl.ErrCorrupt, err)
		}
	}
	return err
}

// asForeign judges the first look at a file: what does not even begin like a database was never a ledger.
func asForeign(err error) error {
	if resultCode(err) == sqlite3.SQLITE_NOTADB {
		return fmt.Errorf("%w: %w", uidl.ErrForeign, err)
	}
	return err
}

// resultCode is SQLite's primary result code, or 0 when the error is not SQLite's.
func resultCode(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code() & 0xff
	}
	return 0
}

// refusedRow tells that a row broke a rule of the schema.
func refusedRow(err error) bool {
	code := resultCode(err)
	return code == sqlite3.SQLITE_CONSTRAINT || code == sqlite3.SQLITE_MISMATCH
}

// notFile says that something else than a file has the ledger's name.
func notFile(fi fs.FileInfo) error {
	return fmt.Errorf("%w: not a regular file (%s)", uidl.ErrForeign, fi.Mode().Type())
}
