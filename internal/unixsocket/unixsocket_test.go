package unixsocket

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"
)

func TestListen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	l, err := Listen(dir, path)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(path); err != nil || info.Mode() != os.ModeSocket|0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if _, err := Listen(dir, path); !errors.Is(err, ErrInUse) {
		t.Errorf("twice: %v", err)
	}
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatalf("the second one took it away: %v", err)
	}
	c.Close()
	l.SetUnlinkOnClose(false) // as a process that is killed leaves it
	l.Close()
	if l, err = Listen(dir, path); err != nil {
		t.Fatalf("left behind: %v", err)
	}
	l.Close()
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it outlived its listener: %v", err)
	}
	for name, put := range map[string]func() error{
		"a file":   func() error { return os.WriteFile(path, []byte("precious"), 0o600) },
		"a link":   func() error { return os.Symlink("elsewhere", path) },
		"a folder": func() error { return os.Mkdir(path, 0o700) },
	} {
		if err := put(); err != nil {
			t.Fatal(err)
		}
		if _, err := Listen(dir, path); !errors.Is(err, ErrNotSocket) {
			t.Errorf("%s: %v", name, err)
		}
		if err := os.Remove(path); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
