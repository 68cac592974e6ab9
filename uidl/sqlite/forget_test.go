package sqlite

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/popsync/popsync/uidl"
)

// Nothing of a forgotten account is left in the state directory, and who comes after gets a lease that keeps others out.
func TestForgetLeavesNoFile(t *testing.T) {
	dir := t.TempDir()
	l := mustOpen(t, dir)
	a := mustAcquire(t, l, "old")
	if err := a.Commit(t.Context(), uidl.Change{At: 1, Put: manyRows(3)}); err != nil {
		t.Fatal(err)
	}
	if err := a.Forget(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(filepath.Join(dir, leaseDir)); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	first := mustAcquire(t, l, "old")
	if _, err := l.Acquire(t.Context(), "old"); !errors.Is(err, uidl.ErrBusy) {
		t.Errorf("a second lease: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
}
