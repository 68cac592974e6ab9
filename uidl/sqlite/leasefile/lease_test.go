package leasefile

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/popsync/popsync/uidl"
)

// leases makes a folder for leases.
func leases(t *testing.T) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "lease")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

func mustTake(t *testing.T, dir, account string) *Lease {
	t.Helper()
	l, err := Take(dir, account)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Release() })
	return l
}

// Who has given a lease back can do nothing with it any more.
func TestReleased(t *testing.T) {
	dir := leases(t)
	l := mustTake(t, dir, "work")
	if _, err := Take(dir, "work"); !errors.Is(err, uidl.ErrBusy) || !l.Held() {
		t.Errorf("a second holder: %v", err)
	}
	if held, err := l.Release(); !held || err != nil {
		t.Errorf("%v, %v", held, err)
	}
	if held, err := l.Release(); held || err != nil || l.Held() {
		t.Errorf("the second time: %v, %v", held, err)
	}
	if err := l.Reading(uidl.Key{UID: "a"}); !errors.Is(err, ErrClosed) {
		t.Errorf("Reading: %v", err)
	}
	if err := l.Remove(); !errors.Is(err, ErrClosed) {
		t.Errorf("Remove: %v", err)
	}
	l.Note(uidl.Note{Token: "t", Epoch: 1})
	if n := mustTake(t, dir, "work").Noted(); n != (uidl.Note{}) {
		t.Errorf("noted %+v", n)
	}
}

// All leases that there are, or none; other files in the folder are nobody's lease.
func TestTakeAll(t *testing.T) {
	dir := leases(t)
	if free, err := TakeAll(filepath.Join(dir, "none")); err != nil {
		t.Error(err)
	} else {
		free()
	}
	mustTake(t, dir, "a").Release()
	b := mustTake(t, dir, "b")
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := TakeAll(dir); !errors.Is(err, uidl.ErrBusy) {
		t.Errorf("one is held: %v", err)
	}
	mustTake(t, dir, "a").Release()
	b.Release()
	free, err := TakeAll(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, account := range []string{"a", "b"} {
		if _, err := Take(dir, account); !errors.Is(err, uidl.ErrBusy) {
			t.Errorf("%s: %v", account, err)
		}
	}
	free()
	mustTake(t, dir, "a")
	mustTake(t, dir, "b")
}

// Who opened the lease's file before it was removed locks a file that nobody else will find: that is no lease.
func TestLeaseOfARemovedFile(t *testing.T) {
	dir := leases(t)
	path := filepath.Join(dir, "old.lock")
	l := mustTake(t, dir, "old")
	early, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer early.Close()
	if err := l.Remove(); err != nil {
		t.Fatal(err)
	}
	l.Release()
	if ok, err := TryLock(early); !ok || err != nil {
		t.Fatalf("the removed file: %v, %v", ok, err)
	}
	folder, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	if isNamed(folder, "old.lock", early) {
		t.Error("a file without a name counts as named")
	}
	mustTake(t, dir, "old")
	if isNamed(folder, "old.lock", early) {
		t.Error("another file of the same name counts as this one")
	}
}

// A lease file of version 1 has no note, whatever is left in it of longer markers.
func TestLeaseFileOfFirst(t *testing.T) {
	dir := leases(t)
	k := uidl.Key{UID: strings.Repeat("u", uidl.MaxUID), Dup: 2}
	path := filepath.Join(dir, "work.lock")
	for _, content := range [][]byte{nil, appendMarker(nil, k), append(appendMarker(nil, k), make([]byte, 3)...)} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		l := mustTake(t, dir, "work")
		if n := l.Noted(); n != (uidl.Note{}) {
			t.Errorf("noted %+v", n)
		}
		if got, ok := l.Interrupted(); ok != (content != nil) || ok && got != k {
			t.Errorf("interrupted %+v, %v", got, ok)
		}
		l.Release()
	}
}

// What cannot be written is not noted, and no more than that.
func TestNoteThatFails(t *testing.T) {
	dir := leases(t)
	l := mustTake(t, dir, "work")
	f := l.f
	sealed, err := os.Open(f.Name()) // for reading only
	if err != nil {
		t.Fatal(err)
	}
	l.f = sealed
	l.Note(uidl.Note{Token: "t", Epoch: 1})
	if n := l.Noted(); n != (uidl.Note{}) {
		t.Errorf("noted %+v, which does not stand there", n)
	}
	if b, err := os.ReadFile(f.Name()); err != nil || !bytes.Equal(b, nil) {
		t.Errorf("%d octets, %v", len(b), err)
	}
	l.f = f
	sealed.Close()
	l.Note(uidl.Note{Token: "t", Epoch: 2})
	l.Release()
	if n := mustTake(t, dir, "work").Noted(); n.Epoch != 2 {
		t.Errorf("noted %+v, want 2", n)
	}
}
