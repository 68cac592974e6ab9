package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

func opened(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func written(t *testing.T, path, text string) *os.File {
	t.Helper()
	f, err := os.Create(path)
	if err == nil {
		_, err = f.WriteString(text)
	}
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func content(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return string(text)
}

func TestRenameNoReplace(t *testing.T) {
	fails := func(err error) renamer { return func(int, string, int, string) error { return err } }
	for name, try := range map[string]renamer{
		"of the system": renameExclusive,
		"EINVAL":        fails(unix.EINVAL), "ENOSYS": fails(unix.ENOSYS), "EOPNOTSUPP": fails(unix.EOPNOTSUPP),
		"interrupted": func() renamer {
			n := 0
			return func(a int, b string, c int, d string) error {
				if n++; n%3 != 0 {
					return unix.EINTR
				}
				return renameExclusive(a, b, c, d)
			}
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
			for _, d := range []string{from, to} {
				if err := os.Mkdir(d, 0o700); err != nil {
					t.Fatal(err)
				}
			}
			a, b := opened(t, from), opened(t, to)
			written(t, filepath.Join(from, "x"), "one").Close()
			if err := renameNoReplace(try, a, "x", b, "y"); err != nil {
				t.Fatal(err)
			}
			if content(t, filepath.Join(from, "x")) != "" || content(t, filepath.Join(to, "y")) != "one" {
				t.Errorf("the file was not moved")
			}
			written(t, filepath.Join(from, "x"), "two").Close()
			if err := renameNoReplace(try, a, "x", b, "y"); !errors.Is(err, fs.ErrExist) {
				t.Errorf("a name that is taken: %v", err)
			}
			if content(t, filepath.Join(from, "x")) != "two" || content(t, filepath.Join(to, "y")) != "one" {
				t.Errorf("a name that is taken was replaced")
			}
			if err := renameNoReplace(try, a, "z", b, "z"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("a missing file: %v", err)
			}
		})
	}
	dir := opened(t, t.TempDir())
	if err := renameNoReplace(fails(unix.EXDEV), dir, "x", dir, "y"); !errors.Is(err, unix.EXDEV) {
		t.Errorf("EXDEV became %v", err)
	}
}

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path, d := filepath.Join(dir, "f"), opened(t, dir)
	for _, text := range []string{"one", ""} {
		if err := WriteFile(d, "f", []byte(text), 0o600); err != nil || content(t, path) != text {
			t.Errorf("WriteFile: %v, the file has %q", err, content(t, path))
		}
	}
	if err := WriteShared(d, "f", nil, 0o666); err != nil { // no umask of a test machine leaves that
		t.Error(err)
	} else if info, err := os.Stat(path); err != nil || info.Mode() != 0o666 {
		t.Errorf("WriteShared: mode %v, %v", info.Mode(), err)
	}
	if err := CreateFile(d, "f", []byte("two"), 0o600); !errors.Is(err, fs.ErrExist) || content(t, path) != "" {
		t.Errorf("CreateFile: %v, the file has %q", err, content(t, path))
	}
	if err := CreateFile(d, "f2", []byte("two"), 0o600); err != nil || content(t, path+"2") != "two" {
		t.Errorf("CreateFile: %v", err)
	}
	if info, err := os.Stat(path + "2"); err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	gone := filepath.Join(t.TempDir(), "gone")
	if err := os.Mkdir(gone, 0o700); err != nil {
		t.Fatal(err)
	}
	g := opened(t, gone)
	if err := os.Remove(gone); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(g, "f", nil, 0o600); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing directory: %v", err)
	}
	if list, _ := os.ReadDir(dir); len(list) != 2 {
		t.Errorf("%d files are left", len(list))
	}
}

// counted is a Barrier that counts its syncs and can be told to fail them.
type counted struct {
	*Barrier
	files, dirs, whole atomic.Int32
	fail               atomic.Pointer[error] // the next sync fails with it, once
	path               string
}

func newCounted(t *testing.T, whole bool) *counted {
	t.Helper()
	c := &counted{path: t.TempDir()}
	b, err := OpenBarrier(opened(t, c.path))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	b.whole = whole
	once := func() error {
		if err := c.fail.Swap(nil); err != nil {
			return *err
		}
		return nil
	}
	b.fsync = func(f *os.File) error {
		if info, err := f.Stat(); err != nil {
			return err
		} else if info.IsDir() {
			c.dirs.Add(1)
		} else {
			c.files.Add(1)
		}
		return once()
	}
	b.syncfs = func(*os.File) error { c.whole.Add(1); return once() }
	c.Barrier = b
	return c
}

func (c *counted) add(t *testing.T, n int) (pending []*Pending) {
	t.Helper()
	for i := range n {
		pending = append(pending, c.Add(written(t, filepath.Join(c.path, fmt.Sprint("f", i)), "text")))
	}
	return pending
}

func (c *counted) expect(t *testing.T, files, dirs, whole int32) {
	t.Helper()
	if f, d, w := c.files.Swap(0), c.dirs.Swap(0), c.whole.Swap(0); f != files || d != dirs || w != whole {
		t.Errorf("synced %d files, %d directories and the filesystem %d times; want %d, %d, %d", f, d, w, files, dirs, whole)
	}
}

func TestBarrierSyncsWhatIsNeeded(t *testing.T) {
	for _, test := range []struct {
		whole              bool
		n                  int
		files, dirs, syncs int32
	}{
		{true, 0, 0, 1, 0}, {true, 1, 1, 1, 0}, {true, 15, 15, 1, 0}, {true, 16, 0, 0, 1}, {true, 40, 0, 0, 1},
		{false, 1, 1, 1, 0}, {false, 15, 15, 1, 0}, {false, 16, 16, 1, 0}, {false, 100, 100, 1, 0},
	} {
		c := newCounted(t, test.whole)
		for range 2 { // a second batch is like the first
			if err := c.Sync(c.add(t, test.n), opened(t, c.path)); err != nil {
				t.Fatal(err)
			}
			c.expect(t, test.files, test.dirs, test.syncs)
		}
	}
}

// TestBarrierAcrossBatches: files of the next batch come before the former is synced.
func TestBarrierAcrossBatches(t *testing.T) {
	c := newCounted(t, true)
	first, second := c.add(t, 10), c.add(t, 10)
	third := c.add(t, 3)
	for _, batch := range [][]*Pending{first, second} {
		if err := c.Sync(batch); err != nil {
			t.Fatal(err)
		}
		c.expect(t, 0, 0, 1)
	}
	c.Drop(third[:1]...)
	if err := c.Sync(third[1:]); err != nil {
		t.Fatal(err)
	}
	c.expect(t, 2, 0, 0)
}

// TestBarrierElsewhere: syncfs says nothing of a directory on another filesystem.
func TestBarrierElsewhere(t *testing.T) {
	c := newCounted(t, true)
	c.dev++
	if err := c.Sync(c.add(t, 20), opened(t, c.path)); err != nil {
		t.Fatal(err)
	}
	c.expect(t, 0, 1, 1)
}

func TestBrokenBarrierStaysBroken(t *testing.T) {
	fault := errors.New("input/output error")
	for name, test := range map[string]struct {
		whole bool
		n     int
	}{"a file": {true, 3}, "the filesystem": {true, 20}, "in the background": {false, 20}, "a directory": {true, 0}} {
		t.Run(name, func(t *testing.T) {
			c := newCounted(t, test.whole)
			c.fail.Store(&fault)
			dir := opened(t, c.path)
			if err := c.Sync(c.add(t, test.n), dir); !errors.Is(err, fault) {
				t.Fatalf("Sync: %v", err)
			}
			for _, n := range []int{0, 1, 20} {
				if err := c.Sync(c.add(t, n), dir); !errors.Is(err, fault) {
					t.Errorf("Sync of %d after a failure: %v", n, err)
				}
			}
			if err := c.Err(); !errors.Is(err, fault) {
				t.Errorf("Err: %v", err)
			}
		})
	}
}

func TestBarrierCloses(t *testing.T) {
	before := descriptors(t)
	for _, whole := range []bool{true, false} {
		path := t.TempDir()
		dir, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		b, err := OpenBarrier(dir)
		if err != nil {
			t.Fatal(err)
		}
		dir.Close()
		b.whole = whole
		c := &counted{Barrier: b, path: path}
		pending := c.add(t, 40)
		if n := descriptors(t) - before; n > 1+hold+workers {
			t.Errorf("%d descriptors are open", n)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		if err := b.Sync(pending); !errors.Is(err, os.ErrClosed) {
			t.Errorf("Sync after Close: %v", err)
		}
	}
	if n := descriptors(t); n != before {
		t.Errorf("%d descriptors are left", n-before)
	}
}

func descriptors(t *testing.T) int {
	list, err := os.ReadDir("/dev/fd")
	if err != nil {
		t.Skip(err)
	}
	return len(list)
}

func TestRealBarrier(t *testing.T) {
	path := t.TempDir()
	dir := opened(t, path)
	b, err := OpenBarrier(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	c := &counted{Barrier: b, path: path}
	for _, n := range []int{0, 3, 16, 100} {
		if err := b.Sync(c.add(t, n), dir); err != nil {
			t.Errorf("%d files: %v", n, err)
		}
	}
	if b.Whole() != canSyncfs(int(dir.Fd())) {
		t.Errorf("Whole is %v", b.Whole())
	}
}
