package maildir

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/deliver/internal/disk"
	"github.com/popsync/popsync/deliver/internal/spelling"
)

const (
	idFile  = "popsync.id"
	idBytes = 16
	maxID   = 128 // octets that popsync.id may have
)

var (
	errNoID    = errors.New("no popsync.id in it")
	errOtherID = errors.New("its popsync.id is another one")
	errBadID   = errors.New("its popsync.id is damaged")
)

// readID reads the identity of the Maildir at path: errNoID, errBadID, or what the system says.
func readID(path string) (string, fs.FileInfo, error) {
	root, err := disk.Dir(path)
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
	f, err := disk.OpenAt(root, idFile, os.O_RDONLY)
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
	if !spelling.IsID(id) {
		return "", nil, errBadID
	}
	return id, info, nil
}

// idAt is the identity of the Maildir at path; "" when none can be read.
func idAt(path string) string {
	id, _, _ := readID(path)
	return id
}
