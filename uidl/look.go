package uidl

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/internal/safepath"
)

// InUse tells whether somebody works on an account of the ledger in dir: a pass, as a rule. It creates nothing, and whoever
// takes the lease at the same moment gets it.
func InUse(dir, account string) (bool, error) {
	if err := checkName(account); err != nil {
		return false, err
	}
	leases, err := safepath.Dir(filepath.Join(dir, leaseDir))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	} else if err != nil {
		return false, mended(err)
	}
	defer leases.Close()
	f, err := safepath.OpenOurs(leases, account+".lock", os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	defer f.Close()
	free, err := flock(f, unix.LOCK_SH)
	return err == nil && !free, err
}

// lockLease takes the lock of a lease's file, or reports that another has it. Who only looks, in InUse, has it shared and for a
// moment: that can be told from one who holds the lease, since a shared one is to be had beside it.
func lockLease(f *os.File) (bool, error) {
	for range 100 {
		if ok, err := flock(f, unix.LOCK_EX); ok || err != nil {
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
