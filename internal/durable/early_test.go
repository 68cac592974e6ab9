package durable

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// What the disk is asked to begin with follows on without a gap, in large pieces; a small file is never touched.
func TestEarly(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	defer func() { startWrite = systemStartWrite }()
	var asked []string
	startWrite = func(_ *os.File, off, n int64) error {
		asked = append(asked, fmt.Sprintf("%d+%d", off, n))
		return nil
	}
	var e Early
	for _, size := range []int64{1, step - 1, step, step + 1, 2*step - 1, 2*step + 5, 3 * step, 3*step + 5} {
		if err := e.Wrote(f, size); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{fmt.Sprintf("0+%d", step), fmt.Sprintf("%d+%d", step, step+5), fmt.Sprintf("%d+%d", 2*step+5, step)}
	if fmt.Sprint(asked) != fmt.Sprint(want) || e.Begun() != 3*step+5 {
		t.Errorf("asked for %v, then has begun %d; want %v", asked, e.Begun(), want)
	}
}

// A disk that fails says so; a system that cannot begin early leaves all to the sync.
func TestEarlyFails(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	defer func() { startWrite = systemStartWrite }()
	for errno, fails := range map[unix.Errno]bool{
		unix.EIO: true, unix.ENOSPC: true, unix.EDQUOT: true, unix.ENOMEM: true,
		unix.ENOSYS: false, unix.EINVAL: false, unix.ESPIPE: false, unix.EOPNOTSUPP: false, unix.EPERM: false,
	} {
		startWrite = func(*os.File, int64, int64) error { return errno }
		if err := new(Early).Wrote(f, step); (err != nil) != fails || fails && !errors.Is(err, errno) {
			t.Errorf("%v: %v", errno, err)
		}
	}
}

func TestEarlyForReal(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(make([]byte, step)); err != nil {
		t.Fatal(err)
	}
	if err := new(Early).Wrote(f, step); err != nil {
		t.Error(err)
	}
}
