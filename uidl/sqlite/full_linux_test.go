package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/uidl"
)

// mountSmall mounts a tmpfs, which needs root.
func mountSmall(t *testing.T, size int) (dir string) {
	t.Helper()
	dir = t.TempDir()
	err := unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", size))
	if err != nil && os.Getenv("CI") == "" {
		t.Skipf("NOT TESTED: mounting a tmpfs to fill, which needs root: %v", err)
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	if err := os.Chmod(dir, 0o700); err != nil { // a tmpfs is everybody's
		t.Fatal(err)
	}
	return dir
}

// A real disk, full after so many pages more: whether a statement or COMMIT meets the end, nothing is applied, neither for
// this handle nor for one that finds the files as a power cut would leave them; and the same handle goes on.
func TestFullDisk(t *testing.T) {
	full := map[bool]int{}
	for pages := range 24 {
		dir := mountSmall(t, 4<<20)
		l := mustOpen(t, dir)
		a := mustAcquire(t, l, "work")
		c := uidl.Change{At: 1, Put: []uidl.Message{row("first")}}
		if err := a.Commit(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		stuffing := fillUp(t, dir, pages*4096)
		c.Put = nil
		for i := range 400 {
			c.Put = append(c.Put, row(fmt.Sprintf("%0100d", i)))
		}
		err := a.Commit(t.Context(), c)
		full[errors.Is(err, uidl.ErrFull)]++
		if err != nil && !errors.Is(err, uidl.ErrFull) {
			t.Fatalf("%d pages: %v", pages, err)
		}
		want := 1
		if err == nil {
			want = 401
		}
		if n := count(t, a); n != want {
			t.Errorf("%d pages: %d rows after %v", pages, n, err)
		}
		if n := countCopy(t, dir); n != want {
			t.Errorf("%d pages: %d rows after %v and a power cut", pages, n, err)
		}
		if err := os.Remove(stuffing); err != nil {
			t.Fatal(err)
		}
		if err := a.Commit(t.Context(), c); err != nil {
			t.Errorf("%d pages: with room again: %v", pages, err)
		}
		if n := count(t, a); n != 401 {
			t.Errorf("%d pages: %d rows in the end", pages, n)
		}
		if err := errors.Join(a.Close(), l.Check(t.Context()), l.Close()); err != nil {
			t.Errorf("%d pages: %v", pages, err)
		}
	}
	if full[true] < 5 || full[false] < 1 {
		t.Errorf("full, or not: %v", full)
	}
}

// fillUp leaves so many octets of a filesystem.
func fillUp(t *testing.T, dir string, leave int) (path string) {
	t.Helper()
	path = filepath.Join(dir, "stuffing")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n := 0
	for ; ; n += 4096 {
		if _, err := f.Write(make([]byte, 4096)); err != nil {
			break
		}
	}
	if err := f.Truncate(int64(max(0, n-leave))); err != nil {
		t.Fatal(err)
	}
	return path
}
