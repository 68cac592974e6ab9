package uidltest

import (
	"errors"
	"reflect"
	"testing"

	"github.com/popsync/popsync/uidl"
)

func TestFaulty(t *testing.T) {
	for _, applied := range []bool{false, true} {
		dir := t.TempDir()
		l, err := uidl.Open(t.Context(), uidl.Options{Dir: dir})
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
		if err := put("c"); !errors.Is(err, ErrAfterFault) || f.Late() != 1 {
			t.Errorf("third: %v, %d late", err, f.Late())
		}
		want := 1
		if applied {
			want = 2
		}
		n := 0
		for range a.Messages(t.Context()) {
			n++
		}
		if n != want || len(watched) != want || watched[0] != name+"a" {
			t.Errorf("applied %v: %d rows, %q watched, want %d", applied, n, watched, want)
		}
		if err := errors.Join(a.Close(), f.Close()); err != nil {
			t.Error(err)
		}
	}
}

// empty must know every field of a Change: one that it forgets would pass by the faults.
func TestEmptyKnowsAllFields(t *testing.T) {
	if !empty(uidl.Change{At: 1, Put: []uidl.Message{}}) {
		t.Error("not empty")
	}
	for i, c := range []uidl.Change{
		{Lift: 1}, {Generation: 1}, {Fold: make([]int, 1)}, {Vouch: true}, {Release: true}, {Move: make([]uidl.Moved, 1)}, {Remove: make([]uidl.Key, 1)},
		{Renew: make([]uidl.Message, 1)}, {Listed: true}, {Destinations: make([]uidl.Destination, 1)}, {Put: make([]uidl.Message, 1)},
		{Mark: make([]uidl.Mark, 1)}, {Gone: make([]uidl.Key, 1)}, {Back: make([]uidl.Key, 1)},
		{Stage: make([]uidl.Delivery, 1)}, {Settle: make([]uidl.Settled, 1)}, {Purge: true},
		{Status: &uidl.Status{}}, {Pass: &uidl.Pass{}},
	} {
		if empty(c) {
			t.Errorf("%d: empty", i)
		}
	}
	if n := reflect.TypeFor[uidl.Change]().NumField(); n != 20 {
		t.Errorf("%d fields: one is not above", n)
	}
}
