package uidl

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/internal/safepath"
)

const (
	lockName = "ledger.lock"
	lockPoll = 20 * time.Millisecond
)

// lock keeps other processes from creating or migrating the ledger; it is given back by the function returned.
func (l *SQLite) lock(ctx context.Context) (unlock func(), err error) {
	dir, err := safepath.Dir(l.dir)
	if err != nil {
		return nil, mended(err)
	}
	defer dir.Close()
	f, err := safepath.OpenOurs(dir, lockName, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	end := time.Now().Add(busyTimeout * time.Millisecond)
	for {
		ok, err := tryLock(f)
		if err == nil && ok {
			return func() { f.Close() }, nil
		}
		if err == nil && time.Now().After(end) {
			err = fmt.Errorf("%w: it is being created or brought up to date", ErrLocked)
		}
		if err == nil {
			err = wait(ctx, lockPoll)
		}
		if err != nil {
			f.Close()
			return nil, err
		}
	}
}

// tryLock takes the whole-file lock of f's open description, or reports that another has it.
func tryLock(f *os.File) (bool, error) { return flock(f, unix.LOCK_EX) }

// flock is tryLock for a lock of its own or one that is shared.
func flock(f *os.File, how int) (bool, error) {
	for {
		err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, unix.EWOULDBLOCK):
			return false, nil
		case !errors.Is(err, unix.EINTR):
			return false, &os.PathError{Op: "lock", Path: f.Name(), Err: err}
		}
	}
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
