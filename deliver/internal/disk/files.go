package disk

import (
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/internal/safepath"
)

// OpenAt opens a file of a directory without following a symbolic link. New files are 0600.
func OpenAt(dir *os.File, name string, flags int) (*os.File, error) {
	return safepath.OpenAt(dir, name, flags, 0o600)
}

// StatAt tells of a name in a directory, and of a link that it is one. The error is the system's own, not wrapped.
func StatAt(dir *os.File, name string) (st unix.Stat_t, err error) {
	return st, unix.Fstatat(int(dir.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW)
}

// EachName calls f for the names in a directory, some thousand at a time, and ends with its first error. It reads by a
// descriptor of its own, since a shared one has a shared position.
func EachName(dir *os.File, f func(name string) error) error {
	d, err := OpenAt(dir, ".", unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer d.Close()
	for {
		names, err := d.Readdirnames(4096)
		for _, name := range names {
			if err := f(name); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}
