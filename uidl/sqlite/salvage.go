package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/internal/durable"
	"github.com/popsync/popsync/internal/safepath"
	"github.com/popsync/popsync/uidl"
	"github.com/popsync/popsync/uidl/sqlite/leasefile"
)

const (
	// repairingName is there while a repair goes on. It holds the suffix of what was moved aside. With it there,
	// Open refuses: between the two renames no ledger.db exists, and that must not be taken for a first start.
	repairingName = "ledger.db.repairing"
	damagedInfix  = ".damaged-"
	stampFormat   = "20060102T150405Z"
)

// Salvage says how a damaged ledger is replaced.
type Salvage struct {
	Dir      string                    // as in Options
	Accounts []string                  // that must be in the new ledger, also when nothing of them can be read
	Facts    func(facts []byte) []byte // changes what is stored as the facts of every account; nil: leaves it
	Now      time.Time                 // names what is moved aside
}

// Salvaged is what a repair did.
type Salvaged struct {
	Aside string // path of the damaged database, beside which its -wal and -shm lie
	// Rows that were carried over, and rows that were read but contradict the schema.
	Accounts, Messages, Deliveries, Destinations, Refused int
	Unread                                                []string // tables of which a part, or all, could not be read
}

// Do moves the ledger of a directory aside, with its -wal and -shm, and puts a new one in its place with every row that
// can still be read. Nothing is deleted. A repair that was interrupted is taken up again; until then Open refuses. No
// other process may have the ledger open or hold a lease: ErrBusy or ErrLocked, and nothing was changed.
func (s Salvage) Do(ctx context.Context) (*Salvaged, error) {
	out, err := s.do(ctx)
	if err != nil {
		return nil, fmt.Errorf("repair ledger: %w", err)
	}
	return out, nil
}

func (s Salvage) do(ctx context.Context) (*Salvaged, error) {
	dir, err := filepath.Abs(s.Dir)
	if err != nil {
		return nil, err
	}
	for _, name := range s.Accounts {
		if err := uidl.CheckName(name); err != nil {
			return nil, err
		}
	}
	l := at(dir)
	unlock, err := l.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	free, err := l.alone()
	if err != nil {
		return nil, err
	}
	defer free()
	d, err := safepath.Dir(dir)
	if err != nil {
		return nil, safepath.WithNextStep(err)
	}
	defer d.Close()
	stamp, err := beginRepair(d, s.Now)
	if err != nil {
		return nil, err
	}
	out := &Salvaged{Aside: l.path + damagedInfix + stamp}
	if _, err := os.Lstat(out.Aside); err == nil {
		if _, err := os.Lstat(l.path); err == nil { // the new one was in place when the repair was interrupted
			return out, endRepair(d)
		}
	}
	// The database first: were it left behind alone it would look whole, without the commits of its -wal.
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		err := durable.RenameNoReplace(d, databaseName+suffix, d, databaseName+damagedInfix+stamp+suffix)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
	}
	if err := durable.SyncDir(d); err != nil {
		return nil, err
	}
	tmp := filepath.Join(dir, creatingName)
	if err := removeAll(d, creatingName); err != nil {
		return nil, err
	}
	if err := createEmpty(d, creatingName); err != nil {
		return nil, err
	}
	if err := fill(ctx, tmp, func(ctx context.Context, c *sql.Conn) error { return s.fill(ctx, c, out) }); err != nil {
		return nil, err
	}
	if err := durable.RenameNoReplace(d, creatingName, d, databaseName); err != nil {
		return nil, err
	}
	if err := durable.SyncDir(d); err != nil {
		return nil, err
	}
	return out, endRepair(d)
}

// alone makes sure that no other process works with the ledger, and keeps them from the accounts until free is called.
func (l *Ledger) alone() (free func(), err error) {
	free, err = leasefile.TakeAll(l.leases)
	if err != nil {
		return nil, err
	}
	state, err := safepath.Dir(l.dir)
	if err == nil {
		err = inUse(state, databaseName)
		state.Close()
	} else {
		err = safepath.WithNextStep(err)
	}
	if err != nil {
		free()
		return nil, err
	}
	return free, nil
}

// inUse asks for the locks that every SQLite connection in WAL mode holds on its database as long as it is open: 510
// octets from 1 GiB + 2 (SQLite's lock page). Only other processes count.
func inUse(dir *os.File, name string) error {
	f, err := safepath.OpenAt(dir, name, os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	defer f.Close()
	if fi, err := f.Stat(); err != nil || !fi.Mode().IsRegular() {
		return err
	}
	lock := unix.Flock_t{Type: unix.F_WRLCK, Start: 1<<30 + 2, Len: 510}
	if err := unix.FcntlFlock(f.Fd(), unix.F_GETLK, &lock); err != nil {
		return err
	}
	if lock.Type != unix.F_UNLCK {
		return fmt.Errorf("%w: it is open in process %d", uidl.ErrLocked, lock.Pid)
	}
	return nil
}

// beginRepair puts the mark of a repair in place, or reads that of one that was interrupted.
func beginRepair(dir *os.File, now time.Time) (stamp string, err error) {
	stamp = now.UTC().Format(stampFormat)
	err = durable.CreateFile(dir, repairingName, []byte(stamp+"\n"), 0o600)
	if !errors.Is(err, os.ErrExist) {
		return stamp, err
	}
	f, err := safepath.OpenAt(dir, repairingName, os.O_RDONLY, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 1<<10))
	if err != nil {
		return "", err
	}
	path := f.Name()
	stamp = strings.TrimSpace(string(b))
	if _, err := time.Parse(stampFormat, stamp); err != nil {
		return "", fmt.Errorf("%s: it does not say when the repair began: %w", path, err)
	}
	return stamp, nil
}

func endRepair(dir *os.File) error {
	if err := safepath.RemoveAt(dir, repairingName); err != nil {
		return err
	}
	return durable.SyncDir(dir)
}

// refuseRepair keeps everybody away from a ledger whose repair is not done.
func (l *Ledger) refuseRepair() error {
	if _, err := os.Lstat(filepath.Join(l.dir, repairingName)); errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	return fmt.Errorf("%s: %w: its repair was interrupted. Nothing more is fetched or deleted. Next step: popsync verify --repair",
		l.path, uidl.ErrCorrupt)
}
