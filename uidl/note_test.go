package uidl

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func FuzzNote(f *testing.F) {
	f.Add(appendNote(nil, Note{"0123456789abcdef0123456789abcdef", 7}))
	f.Fuzz(func(t *testing.T, b []byte) {
		n := parseNote(b)
		if n == (Note{}) {
			return
		}
		if n.Epoch < 1 || len(n.Token) < 1 || len(n.Token) > tokenMax {
			t.Errorf("%+v", n)
		}
		if again := appendNote(nil, n); !bytes.HasPrefix(b, again) || len(again) > noteMax {
			t.Errorf("%x became %+v and %x", b, n, again)
		}
	})
}

func FuzzMarker(f *testing.F) {
	f.Add(appendMarker(nil, Key{"uid", 7}))
	f.Fuzz(func(t *testing.T, b []byte) {
		k := parseMarker(b)
		if k == (Key{}) {
			return
		}
		if again := appendMarker(nil, k); !bytes.HasPrefix(b, again) || len(again) > markerMax || markerMax > noteOffset {
			t.Errorf("%x became %+v and %x", b, k, again)
		}
	})
}

func TestNoteTorn(t *testing.T) {
	n := Note{strings.Repeat("t", tokenMax), 1<<63 - 1}
	whole := appendNote(nil, n)
	if got := parseNote(append(bytes.Clone(whole), "stale"...)); got != n {
		t.Errorf("followed by a stale rest: %+v", got)
	}
	for i := range whole {
		bad := bytes.Clone(whole)
		bad[i] ^= 0x10
		if got, cut := parseNote(bad), parseNote(whole[:i]); got != (Note{}) || cut != (Note{}) {
			t.Errorf("bit flipped at %d: %+v; cut there: %+v", i, got, cut)
		}
	}
}

// A lease file of version 1 has no note, whatever is left in it of longer markers.
func TestLeaseFileOfFirst(t *testing.T) {
	dir := t.TempDir()
	l := mustOpen(t, dir)
	k := Key{UID: strings.Repeat("u", uidMax), Dup: 2}
	path := filepath.Join(dir, leaseDir, "work.lock")
	for _, content := range [][]byte{nil, appendMarker(nil, k), append(appendMarker(nil, k), make([]byte, 3)...)} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		a := mustAcquire(t, l, "work")
		if n, ok := a.Noted(); ok {
			t.Errorf("noted %+v", n)
		}
		if got, ok := a.Interrupted(); ok != (content != nil) || ok && got != k {
			t.Errorf("interrupted %+v, %v", got, ok)
		}
		a.Close()
	}
}

// What cannot be written is not noted, and no more than that.
func TestNoteThatFails(t *testing.T) {
	l := mustOpen(t, t.TempDir())
	a := mustAcquire(t, l, "work").(*account)
	f := a.lease.f
	sealed, err := os.Open(f.Name()) // for reading only
	if err != nil {
		t.Fatal(err)
	}
	a.lease.f = sealed
	if err := a.Commit(t.Context(), Change{At: 1, Put: []Message{row("a")}}); err != nil {
		t.Errorf("Commit: %v", err)
	}
	if fi, err := f.Stat(); err != nil || fi.Size() != 0 {
		t.Errorf("%d octets, %v", fi.Size(), err)
	}
	a.lease.f = f
	sealed.Close()
	a.Close()
	b := mustAcquire(t, l, "work")
	if n, ok := b.Noted(); ok {
		t.Errorf("noted %+v", n)
	}
	b.Close()
	if n, ok := mustAcquire(t, l, "work").Noted(); !ok || n.Epoch != 2 {
		t.Errorf("noted %+v, want 2", n)
	}
}
