package control

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Whatever the umask, only the owner gets at the socket, and nothing is left of it.
func TestSocketIsOurs(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0))
	path := place(t)
	if err := os.Chmod(filepath.Dir(filepath.Dir(path)), 0o755); err != nil { // else it had been made for everybody
		t.Fatal(err)
	}
	_, end := start(t, path, &daemon{})
	for p, want := range map[string]fs.FileMode{path: fs.ModeSocket | 0o600, path + ".lock": 0o600, filepath.Dir(path): fs.ModeDir | 0o700} {
		if info, err := os.Lstat(p); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v; want %v", p, info.Mode(), err, want)
		}
	}
	end()
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
}

func TestTwoDaemons(t *testing.T) {
	path := place(t)
	c, end := start(t, path, &daemon{status: Status{PID: 1}})
	if err := Serve(t.Context(), path, &daemon{}); !errors.Is(err, ErrRunning) {
		t.Errorf("a second daemon: %v", err)
	}
	// Even if somebody tidied the lock away.
	if err := os.Remove(path + ".lock"); err != nil {
		t.Fatal(err)
	}
	if err := Serve(t.Context(), path, &daemon{}); !errors.Is(err, ErrRunning) {
		t.Errorf("a second daemon without a lock: %v", err)
	}
	if st, err := c.Status(t.Context()); err != nil || st.PID != 1 {
		t.Errorf("the first daemon: %+v, %v", st, err)
	}
	end()
	start(t, path, &daemon{})
}

// What a daemon that was killed left behind is replaced; anything else in the way is not.
func TestStaleSocket(t *testing.T) {
	path := place(t)
	if _, err := Dial(path); !errors.Is(err, ErrNoDaemon) {
		t.Errorf("no directory: %v", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Dial(path); !errors.Is(err, ErrNoDaemon) {
		t.Errorf("no socket: %v", err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	if _, err := Dial(path); !errors.Is(err, ErrNoDaemon) {
		t.Errorf("a stale socket: %v", err)
	}
	_, end := start(t, path, &daemon{})
	end()
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Dial(path); !errors.Is(err, ErrNoDaemon) {
		t.Errorf("a file: %v", err)
	}
	if _, err := Listen(path); err == nil || !strings.Contains(err.Error(), "no socket") {
		t.Errorf("a file in the way: %v", err)
	}
	if b, _ := os.ReadFile(path); string(b) != "precious" {
		t.Error("the file in the way was removed")
	}
}

func TestUnsafePlaces(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	private := t.TempDir()
	file := filepath.Join(private, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "s"):                 "others can write",
		filepath.Join(file, "s"):                "not a directory",
		filepath.Join(dir, "a", "s"):            "others can write",
		filepath.Join(private, "a", "b", "s"):   "no such file",
		"/tmp/" + strings.Repeat("x", 100) + "": "longer than",
	} {
		if s, err := Listen(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v; want %q", path, s, err, want)
		}
	}
	if os.Geteuid() != 0 {
		return // only root can make a directory another's
	}
	other := t.TempDir()
	if err := os.Chmod(other, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(other, 12345, -1); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(filepath.Join(other, "s")); err == nil || !strings.Contains(err.Error(), "another user") {
		t.Errorf("another's directory: %v", err)
	}
}

// asked is a daemon's end whose peers have the user that the test says.
func asked(t *testing.T, uid int, err error) *Client {
	t.Helper()
	p := newPipes()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- serve(ctx, p, func(net.Conn) (int, error) { return uid, err }, &daemon{}) }()
	t.Cleanup(func() { cancel(); <-done })
	return newClient(p.dial)
}

func TestWhoMayAsk(t *testing.T) {
	own := os.Geteuid()
	for _, uid := range []int{own, 0} {
		if _, err := asked(t, uid, nil).Status(t.Context()); err != nil {
			t.Errorf("uid %d: %v", uid, err)
		}
	}
	if _, err := asked(t, own+1, nil).Status(t.Context()); !errors.Is(err, ErrGone) {
		t.Errorf("another user got %v", err)
	}
	if _, err := asked(t, own, errors.New("unknown")).Status(t.Context()); !errors.Is(err, ErrGone) {
		t.Errorf("somebody unknown got %v", err)
	}
}

func TestPeerIsKnown(t *testing.T) {
	path := place(t)
	start(t, path, &daemon{})
	c, err := connect(t.Context(), path, func(c net.Conn) (int, error) {
		uid, err := peerOf(c)
		if uid != os.Geteuid() || err != nil {
			t.Errorf("the daemon's user is %d, %v", uid, err)
		}
		return uid, err
	})
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	if _, err := connect(t.Context(), path, func(net.Conn) (int, error) { return 0, errors.New("unknown") }); err == nil {
		t.Error("a daemon of nobody is trusted")
	}
	if _, err := peerOf(&net.TCPConn{}); err == nil {
		t.Error("a connection over a network has a user")
	}
}
