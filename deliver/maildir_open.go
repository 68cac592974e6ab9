package deliver

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/internal/safepath"
)

// openRoot opens the folder of a Maildir, which may be another user's, as may be what leads to it: then no link is followed
// there. What every user can change is refused, for there everybody could take the mail away and put in his own.
func openRoot(path string) (safepath.Shared, error) { return notForAll(safepath.SharedDir(path)) }

func notForAll(d safepath.Shared, err error) (safepath.Shared, error) {
	if err == nil && d.World != nil {
		d.Close()
		return safepath.Shared{}, d.World
	}
	return d, err
}

// openAt opens a file of a directory without following a symbolic link. New files are 0600.
func openAt(dir *os.File, name string, flags int) (*os.File, error) {
	return safepath.OpenAt(dir, name, flags, 0o600)
}

// readID reads the identity of the Maildir at path: errNoID, errBadID, or what the system says.
func readID(path string) (string, fs.FileInfo, error) {
	root, err := openRoot(path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ENOTDIR):
		return "", nil, errNoID
	case err != nil:
		return "", nil, err
	}
	defer root.Close()
	return readIDIn(root.File)
}

func readIDIn(root *os.File) (string, fs.FileInfo, error) {
	f, err := openAt(root, idFile, os.O_RDONLY)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil, errNoID
	case errors.Is(err, unix.ELOOP):
		return "", nil, errBadID
	case err != nil:
		return "", nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", nil, err
	}
	// Reading a FIFO would wait, and what is longer may be somebody's secret that was linked here: it is not even read.
	if !info.Mode().IsRegular() || info.Size() > maxID {
		return "", nil, errBadID
	}
	text, err := io.ReadAll(io.LimitReader(f, maxID))
	if err != nil {
		return "", nil, err
	}
	id := strings.TrimSpace(string(text))
	if !validID(id) {
		return "", nil, errBadID
	}
	return id, info, nil
}

// idAt is the identity of the Maildir at path; "" when none can be read.
func idAt(path string) string {
	id, _, _ := readID(path)
	return id
}

func validID(id string) bool { return len(id) == idLen && letters32(id) }
