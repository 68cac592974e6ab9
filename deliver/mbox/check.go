package mbox

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/internal/disk"
	"github.com/popsync/popsync/internal/safepath"
)

// Check looks whether the mailbox could be written and locked, and makes nothing.
func (s *Sender) Check(ctx context.Context, _ string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	dir, err := disk.Dir(s.dir)
	if err != nil {
		return s.failed("open", err)
	}
	defer dir.Close()
	b := &box{dir: dir}
	open := safepath.OpenOwn
	if dir.Fault == nil {
		open = safepath.OpenOurs
	}
	b.file, err = open(dir.File, s.name, os.O_RDWR|os.O_APPEND, 0)
	missing := errors.Is(err, fs.ErrNotExist)
	if err != nil && !missing {
		return s.unopened(err, false)
	}
	if !missing {
		defer b.file.Close()
		if b.size, err = sizeOf(b.file); err != nil {
			return s.failed("open", err)
		}
		if _, _, err := s.state(b); err != nil {
			return s.failed("open", err)
		}
		defer b.touched(false)
		if err := s.looksLike(b); err != nil {
			return err
		}
	}
	// A new file, and a lock file, need a folder that can be written.
	if !missing && s.o.Lock == Fcntl {
		return nil
	}
	err = unix.Faccessat(int(dir.Fd()), ".", unix.W_OK|unix.X_OK, unix.AT_EACCESS)
	switch {
	case err == nil:
		return nil
	case missing:
		return s.unopened(err, true)
	}
	return &deliver.Error{Op: "lock", Place: s.o.Path, Scope: deliver.WholeTarget, Permanent: true, Err: err,
		Hint: `let the user that runs popsync make files in this folder, or write lock = "fcntl" if all who use the mailbox lock it so`}
}

// Size is how large the mailbox is, in octets; negative: it is not there.
func (s *Sender) Size() int64 {
	dir, err := disk.Dir(s.dir)
	if err != nil {
		return -1
	}
	defer dir.Close()
	st, err := safepath.StatAt(dir.File, s.name)
	if err != nil {
		return -1
	}
	return st.Size
}
