package durable

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A file that is written piece by piece is there whole or not at all, and replaces nothing.
func TestCreateFrom(t *testing.T) {
	dir := t.TempDir()
	d := opened(t, dir)
	long := strings.Repeat("0123456789", 100_000)
	write := func(w io.Writer) error {
		for i := 0; i < len(long); i += 1000 {
			if _, err := io.WriteString(w, long[i:i+1000]); err != nil {
				return err
			}
		}
		return nil
	}
	broken := errors.New("it broke off")
	err := CreateFrom(d, "f", 0o600, func(w io.Writer) error { return errors.Join(write(w), broken) })
	if left, _ := os.ReadDir(dir); !errors.Is(err, broken) || len(left) != 0 {
		t.Errorf("%v, left: %v", err, left)
	}
	if err := CreateFrom(d, "f", 0o600, write); err != nil || content(t, filepath.Join(dir, "f")) != long {
		t.Errorf("%v", err)
	}
	if err := CreateFrom(d, "f", 0o600, func(io.Writer) error { return nil }); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over another: %v", err)
	}
	left, _ := os.ReadDir(dir)
	if info, err := os.Stat(filepath.Join(dir, "f")); err != nil || info.Mode() != 0o600 || len(left) != 1 || content(t, filepath.Join(dir, "f")) != long {
		t.Errorf("%v, %v, %v", info, err, left)
	}
}
