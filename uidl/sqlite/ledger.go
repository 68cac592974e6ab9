// Package sqlite is the ledger of one machine: a SQLite database that all accounts share, and beside it a file for each account
// that is its lease (docs/ledger-format.md). It keeps all that package uidl promises, and only who opens a ledger names it.
//
// One connection writes. What several accounts have to write at one time shares a commit, and so a sync. Several processes may
// have the ledger open. Salvage replaces a damaged one.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"
	_ "modernc.org/sqlite" // the driver named "sqlite"

	"github.com/popsync/popsync/internal/durable"
	"github.com/popsync/popsync/internal/safepath"
	"github.com/popsync/popsync/uidl"
)

// Options say where a ledger lives.
type Options struct {
	// Dir is the state directory. It is created with mode 0700 when its parent exists. It holds ledger.db with its
	// -wal and -shm, ledger.lock, and lease/ACCOUNT.lock. It must be on a local filesystem.
	Dir string
	// Restored makes the facts of each account when a backup was put back (Backup): what it lacks is not known. Without it
	// such a file is refused.
	Restored func(facts []byte) []byte
}

// Ledger is the ledger of one machine: one SQLite database for all accounts (docs/ledger-format.md). Several
// processes may have it open; leases keep them out of each other's accounts.
type Ledger struct {
	dir     string
	path    string  // of the database
	leases  string  // the folder of all leases
	readers *sql.DB // read-only; each transaction sees one snapshot, whatever the writer does meanwhile

	renewing sync.Mutex // guards what follows; see current
	writer   *writer
	kept     *sql.Conn // of the readers, while the writer is being renewed
	unusable error     // it never writes again

	mu       sync.Mutex
	accounts int // open ones
	closed   bool
}

var (
	_ uidl.Ledger   = (*Ledger)(nil)
	_ uidl.Backuper = (*Ledger)(nil)
)

const (
	databaseName = "ledger.db"
	leaseDir     = "lease"
	idleReaders  = 4 // kept open; more are opened while more accounts read at the same time
)

// Open opens the ledger in o.Dir, creates it when there is none, and brings an older one up to date. The errors are
// ErrForeign, ErrNewer, ErrCorrupt and ErrLocked, each with the path and the next step in its text, or those of the
// operating system. Nothing of a file that is refused is changed. The caller closes the ledger.
func Open(ctx context.Context, o Options) (*Ledger, error) {
	l, err := open(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	return l, nil
}

// at is a ledger that is not open.
func at(dir string) *Ledger {
	return &Ledger{dir: dir, path: filepath.Join(dir, databaseName), leases: filepath.Join(dir, leaseDir)}
}

func open(ctx context.Context, o Options) (_ *Ledger, err error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, err
	}
	if err := makeDir(dir); err != nil {
		return nil, err
	}
	if err := refuseNetwork(dir); err != nil {
		return nil, err
	}
	l := at(dir)
	if err := makeDir(l.leases); err != nil {
		return nil, err
	}
	if err := l.prepareFile(ctx); err != nil {
		return nil, err
	}
	// The read-only connection comes first: a foreign or damaged file is recognised, and left, without a write.
	l.readers = openPool(l.path, readOnly)
	l.readers.SetMaxIdleConns(idleReaders)
	defer func() {
		if err != nil {
			l.readers.Close()
		}
	}()
	version, err := identify(ctx, l.readers)
	if err != nil {
		return nil, l.explain(err)
	}
	restored, err := isBackup(ctx, l.readers)
	if err == nil && restored {
		err = l.putBack(ctx, o.Restored)
	}
	if err != nil {
		return nil, l.explain(err)
	}
	if version < len(migrations()) {
		if err := l.upgrade(ctx); err != nil {
			return nil, l.explain(err)
		}
	}
	l.writer, err = openWriter(ctx, l.path)
	if err != nil {
		return nil, l.explain(err)
	}
	return l, nil
}

// Close frees the ledger; the second call does nothing. It refuses while an account is open.
func (l *Ledger) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	if l.accounts > 0 {
		return fmt.Errorf("close ledger: %d accounts are still open", l.accounts)
	}
	l.closed = true
	l.renewing.Lock()
	defer l.renewing.Unlock()
	if l.kept != nil {
		_ = l.kept.Close()
	}
	// Readers first: the last connection to close moves the write-ahead log into the database, and a read-only one
	// could not.
	err := l.readers.Close()
	if werr := l.writer.close(); werr != nil && l.writer.ended().cause == nil {
		err = errors.Join(err, werr)
	}
	if err != nil {
		return fmt.Errorf("close ledger: %w", l.explain(err))
	}
	return nil
}

// makeDir creates the last element of path, for its owner only, and makes it last: a ledger in a folder that a power cut
// takes away remembers nothing. It repairs no mode, and refuses a folder that others can write to, or that they can put
// something else in the place of: SQLite opens its files by their paths.
func makeDir(path string) error {
	d, err := safepath.MakeDir(path, durable.SyncDir)
	if errors.Is(err, unix.ENOTDIR) {
		return fmt.Errorf("%s is a file, not a directory: move it away or set another state_dir", path)
	} else if err != nil {
		return safepath.WithNextStep(err)
	}
	return d.Close()
}
