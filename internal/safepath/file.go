package safepath

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// File opens a file for reading that is ours: nobody else can change it, or what leads to it. It does not wait for the
// other end of a FIFO, and does not look whether it is one.
func File(path string) (*os.File, error) {
	f, _, err := file(path, true)
	return f, err
}

// Reach is File for a caller that has a stricter rule for owner and mode of the file itself, and keeps to it. closed tells that
// others cannot come to the file whatever its mode: the folder in which it is, links followed, is closed to them, and it has
// no other name.
func Reach(path string) (f *os.File, closed bool, err error) { return file(path, false) }

func file(path string, judged bool) (_ *os.File, closed bool, err error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, false, err
	}
	w := &walker{}
	defer w.close()
	e, err := w.walk(abs)
	if err != nil {
		return nil, false, err
	}
	here := w.here()
	flags := unix.O_RDONLY | unix.O_NONBLOCK | unix.O_CLOEXEC
	switch {
	case e.name != "." && e.st == nil:
		return nil, false, wrong("open", abs, unix.ENOENT)
	case !e.magic:
		flags |= unix.O_NOFOLLOW
	}
	fd, err := openat(here.fd, e.name, flags)
	if err != nil {
		return nil, false, wrong("open", abs, err)
	}
	f := os.NewFile(uintptr(fd), abs)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		f.Close()
		return nil, false, wrong("stat", abs, err)
	}
	real := filepath.Join(here.path, e.name)
	var fault *Error
	if !e.magic { // what a descriptor leads to has no folder above it, and only a file can have been changed
		fault = here.entryFault(real, &st)
	}
	if fault == nil && judged && (!e.magic || st.Mode&unix.S_IFMT == unix.S_IFREG) {
		fault = w.judgeFile(fdPath(fd), real, &st)
	}
	if fault != nil {
		f.Close()
		return nil, false, fault
	}
	return f, !e.magic && st.Nlink == 1 && here.closed(), nil
}

// What Program says of what is no program.
var (
	ErrNotFile       = errors.New("not a file")
	ErrNotExecutable = errors.New("not executable")
)

// Program makes sure that a program is ours: a file that can be executed, which nobody else can change or replace. It can
// be run by its path then. The error is an *Error, ErrNotFile, ErrNotExecutable, or the system's.
//
// A group that is private may write it only if that is said: see private.
func Program(path string, privateGroup bool) error {
	w := &walker{strict: !privateGroup}
	defer w.close()
	e, err := w.walk(path)
	if err != nil {
		return err
	}
	here := w.here()
	if e.name != "." && e.st == nil {
		return wrong("open", path, unix.ENOENT)
	}
	if e.name == "." || e.st.Mode&unix.S_IFMT != unix.S_IFREG {
		return ErrNotFile
	}
	real := filepath.Join(here.path, e.name)
	if fault := here.entryFault(real, e.st); fault != nil {
		return fault
	}
	// It may be one that cannot be read, so it is not opened for that. Nobody else can put another in its place.
	fd, err := openat(here.fd, e.name, lookFlags|unix.O_NOFOLLOW)
	if err == unix.EACCES {
		fd, err = -1, nil
	}
	if err != nil {
		return wrong("open", path, err)
	}
	if fd >= 0 {
		defer unix.Close(fd)
	}
	if fault := w.judgeFile(fdPath(fd), real, e.st); fault != nil {
		return fault
	}
	if e.st.Mode&0o111 == 0 {
		return ErrNotExecutable
	}
	return nil
}
