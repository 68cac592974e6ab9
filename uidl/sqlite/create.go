package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/internal/durable"
	"github.com/popsync/popsync/internal/safepath"
	"github.com/popsync/popsync/uidl"
)

const creatingName = "ledger.db.creating"

// prepareFile makes sure that the database file exists and is a file that we may use. It never opens it: closing a
// second descriptor would drop the locks that SQLite holds on it in this process.
func (l *Ledger) prepareFile(ctx context.Context) error {
	if err := l.refuseRepair(); err != nil {
		return err
	}
	if _, err := os.Lstat(l.path); errors.Is(err, os.ErrNotExist) {
		if err := l.create(ctx); err != nil {
			return fmt.Errorf("create %s: %w", l.path, err)
		}
	}
	return l.lookAtFile()
}

// lookAtFile makes sure that the database file is one that we may use, and that no repair of it is under way.
func (l *Ledger) lookAtFile() error {
	if err := l.refuseRepair(); err != nil {
		return err
	}
	fi, err := os.Lstat(l.path)
	if err != nil {
		return err
	}
	if fi.Mode().Type() == os.ModeSymlink {
		return fmt.Errorf("%s is a symbolic link, which is not followed. Next step: set state_dir to the folder that it leads to", l.path)
	}
	if fi.Mode().IsRegular() {
		if err := trusted(l.dir); err != nil {
			return err
		}
	}
	if !fi.Mode().IsRegular() {
		return l.explain(notFile(fi))
	}
	// SQLite takes an empty file for an empty database. Ours is never empty (see create), so this one was cut short.
	if fi.Size() == 0 {
		return l.explain(fmt.Errorf("%w: it is empty, and a ledger never is", uidl.ErrForeign))
	}
	for _, path := range []string{l.path, l.dir} {
		if err := unix.Access(path, unix.R_OK|unix.W_OK); err != nil {
			return &os.PathError{Op: "read and write", Path: path, Err: err}
		}
	}
	return nil
}

// create makes the database under another name and gives it its own once it is whole, so that a ledger.db without a
// schema is always a damaged one and never one in the making.
func (l *Ledger) create(ctx context.Context) error {
	unlock, err := l.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := os.Lstat(l.path); err == nil || !errors.Is(err, os.ErrNotExist) {
		return err // another process was first
	}
	dir, err := safepath.Dir(l.dir)
	if err != nil {
		return safepath.WithNextStep(err)
	}
	defer dir.Close()
	tmp := filepath.Join(l.dir, creatingName)
	if err := removeAll(dir, creatingName); err != nil { // of a process that died here; the lock says that none lives
		return err
	}
	defer removeAll(dir, creatingName)
	if err := createEmpty(dir, creatingName); err != nil {
		return err
	}
	if err := fill(ctx, tmp, upToDate); err != nil {
		return err
	}
	if err := l.refuseStrays(dir); err != nil {
		return err
	}
	if err := durable.RenameNoReplace(dir, creatingName, dir, databaseName); err != nil {
		return err
	}
	return durable.SyncDir(dir)
}

// createEmpty makes the file whose mode SQLite copies to -wal and -shm.
func createEmpty(dir *os.File, name string) error {
	f, err := safepath.OpenAt(dir, name, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	err = f.Chmod(0o600) // whatever the umask took away
	return errors.Join(err, f.Close())
}

// fill writes what make makes, with a rollback journal, whose commit syncs the file itself, and turns the file to WAL last.
func fill(ctx context.Context, path string, make func(context.Context, *sql.Conn) error) (err error) {
	db := openPool(path, readWrite)
	db.SetMaxOpenConns(1)
	defer func() { err = errors.Join(err, db.Close()) }()
	c, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := make(ctx, c); err != nil {
		return err
	}
	return setWAL(ctx, c)
}

// upToDate makes an empty ledger.
func upToDate(ctx context.Context, c *sql.Conn) error { return migrate(ctx, c, 0, migrations()) }

func setWAL(ctx context.Context, c *sql.Conn) error {
	var mode string
	if err := c.QueryRowContext(ctx, "PRAGMA journal_mode(WAL)").Scan(&mode); err != nil {
		return err
	}
	if mode != "wal" {
		return fmt.Errorf("journal mode stays %q: no write-ahead log here", mode)
	}
	return nil
}

// upgrade runs the migrations that an older ledger lacks.
func (l *Ledger) upgrade(ctx context.Context) (err error) {
	unlock, err := l.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	db := openPool(l.path, readWrite)
	db.SetMaxOpenConns(1)
	defer func() { err = errors.Join(err, db.Close()) }()
	version, err := identify(ctx, db) // again: another process may have been first
	if err != nil {
		return err
	}
	c, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	return migrate(ctx, c, version, migrations())
}

// refuseStrays looks at what lies beside a ledger.db that is not there. A write-ahead log with content belongs to a
// database that was taken away: SQLite would play it into ours, and removing it could lose what it holds.
func (l *Ledger) refuseStrays(dir *os.File) error {
	fi, err := os.Stat(l.path + "-wal")
	if err == nil && fi.Size() > 0 {
		return fmt.Errorf("%w: %s-wal is there without its %s. Nothing more is fetched or deleted. Next step: put %[3]s back, "+
			"or move the -wal away too to start anew", uidl.ErrCorrupt, l.path, databaseName)
	}
	return removeBeside(dir, databaseName)
}

// removeAll removes a database of ours and what SQLite keeps beside it.
func removeAll(dir *os.File, name string) error {
	return errors.Join(removeBeside(dir, name), safepath.RemoveAt(dir, name))
}

func removeBeside(dir *os.File, name string) error {
	return errors.Join(safepath.RemoveAt(dir, name+"-wal"), safepath.RemoveAt(dir, name+"-shm"), safepath.RemoveAt(dir, name+"-journal"))
}

// trusted looks at the files of a ledger that is there: nobody else may own or write one of them. It opens none, see
// prepareFile.
func trusted(state string) error {
	dir, err := safepath.Dir(state)
	if err != nil {
		return safepath.WithNextStep(err)
	}
	defer dir.Close()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := safepath.LookAt(dir, databaseName+suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return safepath.WithNextStep(err)
		}
	}
	return nil
}
