package control

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/internal/safepath"
)

// maxPath is the longest path that a socket may have everywhere: macOS has room for 104 octets with the NUL.
const maxPath = 103

// Socket is a daemon's end. It belongs to this process until Serve returns or Close.
type Socket struct {
	listener *net.UnixListener
	lock     *os.File // locked for as long as the socket is ours
}

// Listen makes the socket: 0600, in a directory of the own user or root's that nobody else can write to; its last
// element is made, 0700, if it is missing. A socket that was left behind is replaced. ErrRunning is returned if it was not.
func Listen(path string) (*Socket, error) {
	s, err := listen(path)
	if err != nil {
		return nil, fmt.Errorf("control socket %s: %w", path, err)
	}
	return s, nil
}

func listen(path string) (_ *Socket, err error) {
	if len(path) > maxPath {
		return nil, fmt.Errorf("the path is longer than %d octets, which sockets do not allow", maxPath)
	}
	// Nobody else can put a socket of his own in the place of ours there, or change what the path means.
	dir, err := safepath.MakeDir(filepath.Dir(path), func(*os.File) error { return nil }) // it need not outlive the machine
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	name := filepath.Base(path)
	// The lock decides between two that start at once: each would take the other's socket for one left behind.
	lock, err := safepath.OpenOurs(dir, name+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			lock.Close()
		}
	}()
	switch err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); {
	case errors.Is(err, unix.EWOULDBLOCK):
		return nil, ErrRunning
	case err != nil:
		return nil, fmt.Errorf("lock %s: %w", lock.Name(), err)
	}
	if err := clear(dir, path); err != nil {
		return nil, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	if err := safepath.ChmodAt(dir, name, 0o600); err != nil {
		l.Close()
		return nil, err
	}
	return &Socket{listener: l, lock: lock}, nil
}

// clear removes what a daemon that died has left at path, and nothing else.
func clear(dir *os.File, path string) error {
	name := filepath.Base(path)
	st, err := safepath.StatAt(dir, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFSOCK {
		return errors.New("something else has this name, which is no socket")
	}
	// A daemon whose lock file was deleted is still there.
	c, err := net.DialTimeout("unix", path, 5*time.Second)
	if err == nil {
		c.Close()
		return ErrRunning
	}
	if !errors.Is(err, syscall.ECONNREFUSED) && !errors.Is(err, fs.ErrNotExist) {
		return err // a backlog that is full, say: somebody may be there
	}
	return safepath.RemoveAt(dir, name)
}

// Close removes the socket's file.
func (s *Socket) Close() error {
	err := s.listener.Close() // removes the file, then the lock may go
	if errors.Is(err, net.ErrClosed) {
		err = nil
	}
	s.lock.Close()
	return err
}

// Serve listens at path and answers until ctx ends: see Listen and Socket.Serve.
func Serve(ctx context.Context, path string, h Handler) error {
	s, err := Listen(path)
	if err != nil {
		return err
	}
	return s.Serve(ctx, h)
}
