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
	if err := directory(filepath.Dir(path)); err != nil {
		return nil, err
	}
	// The lock decides between two that start at once: each would take the other's socket for one left behind.
	lock, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW, 0o600)
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
	if err := clear(path); err != nil {
		return nil, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, err
	}
	return &Socket{listener: l, lock: lock}, nil
}

// directory makes sure that nobody else can put a socket of his own in the place of ours.
func directory(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.IsDir():
		return fmt.Errorf("%s is not a directory", dir)
	case info.Mode().Perm()&0o022 != 0:
		return fmt.Errorf("others can write to the directory %s (mode %04o)", dir, info.Mode().Perm())
	case ok && int(st.Uid) != os.Geteuid() && st.Uid != 0:
		return fmt.Errorf("the directory %s belongs to another user (uid %d)", dir, st.Uid)
	}
	return nil
}

// clear removes what a daemon that died has left at path, and nothing else.
func clear(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("it is in the way and no socket (%s)", info.Mode())
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
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
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
