package disk

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/internal/safepath"
)

// Dir opens a folder that may be another user's, as may be what leads to it: then no link is followed there. What every user
// can change is refused, for there everybody could take the mail away and put in his own.
func Dir(path string) (safepath.Shared, error) { return notForAll(safepath.SharedDir(path)) }

// DirAt is Dir for a folder in an open one.
func DirAt(dir *os.File, name string) (safepath.Shared, error) {
	return notForAll(safepath.SharedDirAt(dir, name))
}

func notForAll(d safepath.Shared, err error) (safepath.Shared, error) {
	if err == nil && d.World != nil {
		d.Close()
		return safepath.Shared{}, d.World
	}
	return d, err
}

// Writable asks the system whether files can be made in directories below path. The error is a *deliver.Error.
func Writable(path string, names ...string) error {
	root, err := Dir(path)
	if err != nil {
		return Failed("open", path, err)
	}
	defer root.Close()
	return WritableIn(root.File, path, names...)
}

// WritableIn is Writable for a folder that is open. path is what errors call it.
func WritableIn(root *os.File, path string, names ...string) error {
	for _, name := range names {
		if err := unix.Faccessat(int(root.Fd()), name, unix.R_OK|unix.W_OK|unix.X_OK, unix.AT_EACCESS); err != nil {
			return Failed("open", path, &os.PathError{Op: "access", Path: filepath.Join(path, name), Err: err})
		}
	}
	return nil
}
