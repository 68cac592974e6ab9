// Package unixsocket makes sockets of the file system, and replaces those that a process which was killed has left behind. What
// is no socket, or has somebody listening, is left alone.
//
// Its callers are internal/control and internal/metrics. They open the folder, as one that nobody else can write to, and decide
// between two that start at once.
package unixsocket

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/internal/safepath"
)

// MaxPath is the longest path that a socket may have everywhere, in octets: macOS has room for 104 with the NUL.
const MaxPath = 103

var (
	// ErrInUse: somebody listens at the path.
	ErrInUse = errors.New("another process listens on it")
	// ErrNotSocket: what lies at the path is not ours to remove.
	ErrNotSocket = errors.New("something else has this name")
)

// patience is how long somebody who may listen at the path has to answer.
const patience = 5 * time.Second

// Listen makes a socket at path, for the own user alone (0600), in the folder that dir has open: nobody else can put anything in
// its place there, or change what the path means. The program's umask has to keep others out until the mode is set. The file
// goes when the listener is closed.
func Listen(dir *os.File, path string) (*net.UnixListener, error) {
	if err := removeStale(dir, path); err != nil {
		return nil, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	if err := safepath.ChmodAt(dir, filepath.Base(path), 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// removeStale removes a socket that nobody listens on any more, and nothing else.
func removeStale(dir *os.File, path string) error {
	name := filepath.Base(path)
	st, err := safepath.StatAt(dir, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case st.Mode&unix.S_IFMT != unix.S_IFSOCK:
		return ErrNotSocket
	}
	c, err := net.DialTimeout("unix", path, patience)
	if err == nil {
		c.Close()
		return ErrInUse
	}
	// Only this says that nobody does. With a backlog that is full, or without rights, somebody may be there.
	if !errors.Is(err, syscall.ECONNREFUSED) && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return safepath.RemoveAt(dir, name)
}
