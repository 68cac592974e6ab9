package durable

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// step is how much of a file is written before the disk is to begin with it, in octets.
const step = 8 << 20

// Early has the disk begin with a large file while the rest of it is still to come, so that the sync at its end finds
// little to do. It makes nothing durable. The zero value is for a file that nothing was written to.
type Early struct {
	begun int64
}

// Begun is how much of the file the disk was asked to begin with, in octets.
func (e *Early) Begun() int64 { return e.begun }

// Wrote is called after each write at the end of f, which has size octets by now. Files of less than 8 MiB are left to
// their sync, as is everything on a system that has no such call.
//
// An error is the disk's, and the file is to be given up like one that a write failed of: what the kernel could not write
// it may have dropped. An error that comes later comes to the sync of the file.
func (e *Early) Wrote(f *os.File, size int64) error {
	n := size - e.begun
	if n < step {
		return nil
	}
	err := startWrite(f, e.begun, n)
	e.begun = size
	switch {
	case err == nil, errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EINVAL), errors.Is(err, unix.ESPIPE),
		errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.EPERM):
		return nil // not here; the sync does it all
	}
	return &os.PathError{Op: "write", Path: f.Name(), Err: err}
}

var startWrite = systemStartWrite // so that tests can make it fail
