package safepath

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Append opens a file for appending, and makes it, 0600, if it is missing. Its folder may be another's, as those of logs
// are: then the file must be this user's, with no other name, and no link leads to it. It does not wait for the reader of a
// FIFO, and does not look whether it is one.
func Append(path string) (*os.File, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	w := &walker{shared: true}
	defer w.close()
	e, err := w.walk(abs)
	var missing *fs.PathError
	if errors.As(err, &missing) {
		return nil, wrong("open", abs, missing.Err) // people know the file
	} else if err != nil {
		return nil, err
	}
	here := w.here()
	const flags = unix.O_WRONLY | unix.O_APPEND | unix.O_CREAT
	if e.magic || e.name == "." {
		fd, err := openat(here.fd, e.name, flags&^unix.O_CREAT|unix.O_NONBLOCK|unix.O_CLOEXEC)
		if err != nil {
			return nil, wrong("open", abs, err)
		}
		return os.NewFile(uintptr(fd), abs), nil
	}
	dir := os.NewFile(uintptr(here.fd), here.path)
	w.way = w.way[:len(w.way)-1] // it is closed with dir
	defer dir.Close()
	if here.fault == nil && !here.sticky {
		return OpenAt(dir, e.name, flags, 0o600)
	}
	return OpenOwn(dir, e.name, flags, 0o600)
}
