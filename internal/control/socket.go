package control

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/internal/safepath"
	"github.com/popsync/popsync/internal/unixsocket"
)

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
	if len(path) > unixsocket.MaxPath {
		return nil, fmt.Errorf("the path is longer than %d octets, which sockets do not allow", unixsocket.MaxPath)
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
	l, err := unixsocket.Listen(dir, path)
	switch {
	case errors.Is(err, unixsocket.ErrInUse):
		return nil, ErrRunning // a daemon whose lock file was deleted
	case errors.Is(err, unixsocket.ErrNotSocket):
		return nil, fmt.Errorf("%w, which is no socket", err)
	case err != nil:
		return nil, err
	}
	return &Socket{listener: l, lock: lock}, nil
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
