package disk

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/internal/safepath"
)

// Failed turns what the system said about a place into an Error that tells a person what to do. nil stays nil, and
// an Error stays as it is. Almost everything a filesystem refuses it would refuse for the next message too.
func Failed(op, place string, err error) error {
	if err == nil {
		return nil
	}
	var known *deliver.Error
	if errors.As(err, &known) {
		return err
	}
	var path *fs.PathError
	if errors.As(err, &path) && path.Op == op && path.Path == place {
		err = path.Err // it would say the same again
	}
	e := &deliver.Error{Op: op, Place: place, Scope: deliver.WholeTarget, Err: err}
	is := func(targets ...error) bool {
		for _, t := range targets {
			if errors.Is(err, t) {
				return true
			}
		}
		return false
	}
	var fault *safepath.Error
	switch {
	case errors.As(err, &fault):
		e.Permanent, e.Hint = true, fault.Mend
	case is(unix.ENOSPC):
		e.Full, e.Hint = true, "free some space there; a filesystem with space left may be out of inodes"
	case is(unix.EDQUOT):
		e.Full, e.Hint = true, "free some space or raise the quota of the user that runs popsync"
	case is(unix.EFBIG):
		e.Scope, e.Hint = deliver.ThisMessage, "the message is larger than the filesystem or a limit (ulimit -f) lets a file be"
	case is(unix.EROFS):
		e.Permanent, e.Hint = true, "the filesystem is mounted read-only: see the kernel log for the reason, then mount it for writing"
	case is(fs.ErrPermission):
		e.Permanent, e.Hint = true, "let the user that runs popsync read, write and enter this directory"
	case is(unix.EMFILE, unix.ENFILE):
		e.Hint = "raise the limit of open files (ulimit -n), or lower 'parallel'"
	case is(unix.EIO):
		e.Hint = "the disk may be failing: see the kernel log"
	case is(unix.EXDEV):
		e.Hint = "tmp and new must be on one filesystem"
	case is(fs.ErrNotExist, unix.ENOTDIR, unix.ESTALE, unix.ELOOP):
		e.Hint = "is its filesystem mounted?"
	}
	return e
}

// Refused is a place that popsync cannot deliver to until a person changes something: why, and what.
func Refused(path, why, hint string) error {
	return &deliver.Error{Op: "open", Place: path, Scope: deliver.WholeTarget, Permanent: true, Err: errors.New(why), Hint: hint}
}
