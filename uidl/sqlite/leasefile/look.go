package leasefile

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/internal/safepath"
	"github.com/popsync/popsync/uidl"
)

// InUse tells whether somebody holds the lease of an account; dir is the folder of all leases. It creates nothing, and whoever
// takes the lease at the same moment gets it.
func InUse(dir, account string) (bool, error) {
	if err := uidl.CheckName(account); err != nil {
		return false, err
	}
	leases, err := safepath.Dir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	} else if err != nil {
		return false, safepath.WithNextStep(err)
	}
	defer leases.Close()
	f, err := safepath.OpenOurs(leases, account+suffix, os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	defer f.Close()
	free, err := flock(f, unix.LOCK_SH)
	return err == nil && !free, err
}

// TakeAll takes all leases that there are in dir, so that nobody works on any of those accounts until free is called;
// uidl.ErrBusy when somebody does, and none is held then. A folder that is not there has none.
func TakeAll(dir string) (free func(), err error) {
	var held []*os.File
	release := func() {
		for _, f := range held {
			f.Close()
		}
	}
	defer func() {
		if err != nil {
			release()
		}
	}()
	leases, err := safepath.Dir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return release, nil
	} else if err != nil {
		return nil, safepath.WithNextStep(err)
	}
	defer leases.Close()
	names, err := safepath.NamesAt(leases)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if !strings.HasSuffix(name, suffix) {
			continue
		}
		f, err := safepath.OpenAt(leases, name, os.O_RDWR, 0)
		if err != nil {
			return nil, err
		}
		held = append(held, f)
		if ok, err := lock(f); err != nil {
			return nil, err
		} else if !ok {
			return nil, uidl.ErrBusy
		}
	}
	return release, nil
}

// lock takes the lock of a lease's file, or reports that another has it. Who only looks, in InUse, has it shared and for a
// moment: that can be told from one who holds the lease, since a shared one is to be had beside it.
func lock(f *os.File) (bool, error) {
	for range 100 {
		if ok, err := TryLock(f); ok || err != nil {
			return ok, err
		}
		looks, err := flock(f, unix.LOCK_SH)
		if err != nil || !looks {
			return false, err
		}
		if err := unix.Flock(int(f.Fd()), unix.LOCK_UN); err != nil {
			return false, &os.PathError{Op: "unlock", Path: f.Name(), Err: err}
		}
		time.Sleep(time.Millisecond)
	}
	return false, nil
}

// TryLock takes the whole-file lock of f's open description, or reports that another has it. It ends when f is closed.
func TryLock(f *os.File) (bool, error) { return flock(f, unix.LOCK_EX) }

// flock is TryLock for a lock of its own or one that is shared.
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
