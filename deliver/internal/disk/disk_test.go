package disk_test

import (
	"errors"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/internal/disk"
)

func TestFailed(t *testing.T) {
	if err := disk.Failed("write", "/mail", nil); err != nil {
		t.Errorf("nothing went wrong: %v", err)
	}
	known := &deliver.Error{Op: "create", Place: "/elsewhere"}
	if err := disk.Failed("write", "/mail", known); err != error(known) {
		t.Errorf("an error of ours became %v", err)
	}
	for _, test := range []struct {
		err             error
		whole           bool
		permanent, full bool
		hint            bool
	}{
		{unix.ENOSPC, true, false, true, true}, {unix.EDQUOT, true, false, true, true}, {unix.EFBIG, false, false, false, true},
		{unix.EROFS, true, true, false, true}, {unix.EACCES, true, true, false, true}, {unix.EMFILE, true, false, false, true},
		{unix.EIO, true, false, false, true}, {fs.ErrNotExist, true, false, false, true}, {errors.New("odd"), true, false, false, false},
	} {
		var e *deliver.Error
		err := disk.Failed("write", "/mail", &fs.PathError{Op: "write", Path: "/mail", Err: test.err})
		if !errors.As(err, &e) || !errors.Is(err, test.err) || e.Place != "/mail" {
			t.Fatalf("%v became %v", test.err, err)
		}
		if (e.Scope == deliver.WholeTarget) != test.whole || e.Permanent != test.permanent || e.Full != test.full || (e.Hint != "") != test.hint {
			t.Errorf("%v became %+v", test.err, e)
		}
		if bare := (&deliver.Error{Op: "write", Place: "/mail", Err: test.err, Hint: e.Hint}).Error(); err.Error() != bare {
			t.Errorf("%q, want %q", err, bare)
		}
	}
}

func TestVerified(t *testing.T) {
	const text = "one\ntwo\n"
	path := filepath.Join(t.TempDir(), "staged")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	sum := crc32.Checksum([]byte(text), disk.Castagnoli)
	for _, test := range []struct {
		size int64
		crc  uint32
		want error
	}{{8, sum, nil}, {7, sum, deliver.ErrDamaged}, {9, sum, deliver.ErrDamaged}, {8, sum + 1, deliver.ErrDamaged}} {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		v := &disk.Verified{File: f, Name: "staged", Size: test.size, CRC: test.crc}
		if _, err := io.ReadAll(v); !errors.Is(err, test.want) {
			t.Errorf("%d octets, checksum %08x: %v, want %v", test.size, test.crc, err, test.want)
		}
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestEachName(t *testing.T) {
	path := t.TempDir()
	var want []string
	for i := range 5000 { // more than are read at once
		name := strconv.Itoa(i)
		if err := os.WriteFile(filepath.Join(path, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		want = append(want, name)
	}
	dir, err := disk.Dir(path)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	for range 2 { // the position is its own
		var got []string
		if err := disk.EachName(dir.File, func(name string) error { got = append(got, name); return nil }); err != nil {
			t.Fatal(err)
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%d names, want %d", len(got), len(want))
		}
	}
	n := 0
	err = disk.EachName(dir.File, func(string) error { n++; return fs.SkipAll })
	if err != fs.SkipAll || n != 1 {
		t.Errorf("it ended with %v after %d names", err, n)
	}
}

// What every user can change is refused, but for folders in which others add only what is theirs.
func TestDirForAllIsRefused(t *testing.T) {
	path := t.TempDir()
	for mode, refused := range map[os.FileMode]bool{0o700: false, 0o757: true, 0o777 | os.ModeSticky: false} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		err := disk.Writable(path, ".")
		var e *deliver.Error
		if (err != nil) != refused || refused && (!errors.As(err, &e) || !e.Permanent || e.Scope != deliver.WholeTarget) {
			t.Errorf("%v: %v", mode, err)
		}
	}
}
