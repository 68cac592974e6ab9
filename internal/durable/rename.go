package durable

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// RenameNoReplace moves olddir/oldname to newdir/newname and never replaces what is there: then the error is an
// fs.ErrExist. Both directories must be on one filesystem. Names are single path elements.
//
// Where the system or the filesystem has no such rename, it links the new name, syncs newdir and unlinks the old name,
// in this order: an interruption leaves both names, never none. An error of the unlink leaves both names too.
func RenameNoReplace(olddir *os.File, oldname string, newdir *os.File, newname string) error {
	return renameNoReplace(renameExclusive, olddir, oldname, newdir, newname)
}

type renamer func(olddirfd int, oldname string, newdirfd int, newname string) error

func renameNoReplace(try renamer, olddir *os.File, oldname string, newdir *os.File, newname string) error {
	err := untilDone(func() error { return try(int(olddir.Fd()), oldname, int(newdir.Fd()), newname) })
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENOTSUP):
		return linkUnlink(olddir, oldname, newdir, newname)
	}
	return &os.LinkError{Op: "rename", Old: oldname, New: newname, Err: err}
}

func linkUnlink(olddir *os.File, oldname string, newdir *os.File, newname string) error {
	err := untilDone(func() error {
		return unix.Linkat(int(olddir.Fd()), oldname, int(newdir.Fd()), newname, 0)
	})
	if err != nil {
		return &os.LinkError{Op: "link", Old: oldname, New: newname, Err: err}
	}
	// Without this sync a power cut could keep the unlink and lose the link.
	if err := SyncDir(newdir); err != nil {
		return &os.LinkError{Op: "link", Old: oldname, New: newname, Err: err}
	}
	err = untilDone(func() error { return unix.Unlinkat(int(olddir.Fd()), oldname, 0) })
	if err != nil {
		return &os.PathError{Op: "unlink", Path: oldname, Err: err}
	}
	return nil
}

// untilDone repeats a system call that a signal interrupted, as network filesystems allow.
func untilDone(call func() error) error {
	for {
		if err := call(); err != unix.EINTR {
			return err
		}
	}
}
