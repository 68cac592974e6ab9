package uidl

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// Nothing of a forgotten account is left in the state directory, and who comes after gets a lease that keeps others out.
func TestForgetLeavesNoFile(t *testing.T) {
	dir := t.TempDir()
	l := mustOpen(t, dir)
	a := mustAcquire(t, l, "old")
	if err := a.Commit(t.Context(), Change{At: 1, Put: manyRows(3)}); err != nil {
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
	if _, err := l.Acquire(t.Context(), "old"); !errors.Is(err, ErrBusy) {
		t.Errorf("a second lease: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
}

// Who opened the lease's file before it was removed locks a file that nobody else will find: that is no lease.
func TestLeaseOfARemovedFile(t *testing.T) {
	dir := t.TempDir()
	l := mustOpen(t, dir)
	path := filepath.Join(dir, leaseDir, "old.lock")
	a := mustAcquire(t, l, "old")
	early, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer early.Close()
	if err := a.Forget(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if ok, err := tryLock(early); !ok || err != nil {
		t.Fatalf("the removed file: %v, %v", ok, err)
	}
	leases, err := os.Open(filepath.Join(dir, leaseDir))
	if err != nil {
		t.Fatal(err)
	}
	defer leases.Close()
	if isNamed(leases, "old.lock", early) {
		t.Error("a file without a name counts as named")
	}
	mustAcquire(t, l, "old")
	if isNamed(leases, "old.lock", early) {
		t.Error("another file of the same name counts as this one")
	}
}
