package uidltest

import (
	"errors"
	"testing"

	"github.com/popsync/popsync/uidl"
	"github.com/popsync/popsync/uidl/sqlite"
)

func TestFaulty(t *testing.T) {
	for _, applied := range []bool{false, true} {
		dir := t.TempDir()
		l, err := sqlite.Open(t.Context(), sqlite.Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		f := NewFaulty(l, Fault{Commit: 2, Applied: applied})
		var watched []string
		f.Watch = func(account string, c uidl.Change) { watched = append(watched, account+c.Put[0].UID) }
		a, err := f.Acquire(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		put := func(uid string) error { return a.Commit(t.Context(), uidl.Change{At: now, Put: messages(uid)}) }
		if err := a.Commit(t.Context(), uidl.Change{At: now}); err != nil || f.Commits() != 0 {
			t.Errorf("an empty change: %v, %d counted", err, f.Commits())
		}
		if err := put("a"); err != nil || f.Hit() {
			t.Errorf("first: %v", err)
		}
		if err := put("b"); !errors.Is(err, ErrInjected) || !f.Hit() || f.Late() != 0 {
			t.Errorf("second: %v", err)
		}
		if !isLost(a) || !errors.Is(ErrInjected, uidl.ErrDoubt) {
			t.Error("the lease is not lost by the fault")
		}
		if err := put("c"); !errors.Is(err, ErrAfterFault) || f.Late() != 1 {
			t.Errorf("third: %v, %d late", err, f.Late())
		}
		other, err := f.Acquire(t.Context(), "other")
		if err != nil {
			t.Fatal(err)
		}
		if err := other.Commit(t.Context(), uidl.Change{At: now, Put: messages("x")}); err != nil || isLost(other) || f.Late() != 1 {
			t.Errorf("another account: %v, %d late", err, f.Late())
		}
		if err := other.Close(); err != nil {
			t.Error(err)
		}
		want := 1
		if applied {
			want = 2
		}
		n := 0
		for range a.Messages(t.Context()) {
			n++
		}
		if n != want || len(watched) != want+1 || watched[0] != name+"a" {
			t.Errorf("applied %v: %d rows, %q watched, want %d", applied, n, watched, want)
		}
		if err := errors.Join(a.Close(), f.Close()); err != nil {
			t.Error(err)
		}
	}
}
