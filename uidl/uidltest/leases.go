package uidltest

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/popsync/popsync/uidl"
)

func testAccountsApart(t *testing.T, b *bench) {
	b.open()
	other, err := b.ledger.Acquire(t.Context(), "other")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	b.commit(uidl.Change{At: now, Listed: true, Put: messages("a"), Destinations: places("d"), Stage: []uidl.Delivery{publishing("a", "d")}})
	err = other.Commit(t.Context(), uidl.Change{At: now, Put: messages("a"),
		Mark: []uidl.Mark{{Key: key("a"), State: uidl.Delivered}}, Settle: []uidl.Settled{{Key: key("a"), Destination: "d"}}})
	if err != nil {
		t.Fatal(err)
	}
	if b.find(key("a")) != message("a") || b.a.Info().Token == other.Info().Token || len(b.pending()) != 1 || other.Info().Listings != 0 {
		t.Error("one account changed another's rows")
	}
	if d, err := other.Destinations(t.Context()); err != nil || len(d) != 0 {
		t.Errorf("destinations of another account: %v %v", d, err)
	}
}

func testNames(t *testing.T, b *bench) {
	b.open()
	for _, bad := range []string{"", ".", "..", ".hidden", "a/b", "../a", "A", "a b", "a\x00", "\xc3\xa4", strings.Repeat("a", 65)} {
		if a, err := b.ledger.Acquire(t.Context(), bad); err == nil {
			a.Close()
			t.Errorf("Acquire(%q): no error", bad)
		}
	}
	for _, good := range []string{"a", "0", "-", "_a.b-c", strings.Repeat("z", 64)} {
		a, err := b.ledger.Acquire(t.Context(), good)
		if err != nil {
			t.Errorf("Acquire(%q): %v", good, err)
			continue
		}
		a.Close()
	}
}

func testBusy(t *testing.T, b *bench) {
	b.open()
	second := b.s.Open(t, b.dir)
	defer second.Close()
	for what, l := range map[string]uidl.Ledger{"the same handle": b.ledger, "another handle": second} {
		if a, err := l.Acquire(t.Context(), name); !errors.Is(err, uidl.ErrBusy) {
			t.Errorf("Acquire by %s: %v %v, want ErrBusy", what, a, err)
		}
	}
	b.commit(uidl.Change{At: now, Put: messages("a")}) // the refusal counted no lease
	if got := b.a.Info().Epoch; got != 1 {
		t.Errorf("epoch %d", got)
	}
	if err := b.a.Close(); err != nil {
		t.Fatal(err)
	}
	a, err := second.Acquire(t.Context(), name)
	if err != nil {
		t.Fatalf("Acquire of a free account: %v", err)
	}
	b.a = a
	if n := len(b.rows()); n != 1 {
		t.Errorf("the other handle sees %d rows, want 1", n)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
}

func testFenced(t *testing.T, b *bench) {
	first := b.open()
	b.commit(uidl.Change{At: now, Put: messages("a")})
	second := b.s.Open(t, b.dir)
	defer second.Close()
	b.s.Usurp(t, b.dir, name)
	a, err := second.Acquire(t.Context(), name)
	if err != nil {
		t.Fatalf("Acquire after Usurp: %v", err)
	}
	defer a.Close()
	before := first.Info()
	for range 2 {
		err = first.Commit(t.Context(), uidl.Change{At: now, Listed: true, Put: messages("b")})
		if !errors.Is(err, uidl.ErrLeaseLost) {
			t.Errorf("Commit without the lease: %v, want ErrLeaseLost", err)
		}
	}
	if n := len(b.rows()); n != 1 || !reflect.DeepEqual(first.Info(), before) {
		t.Errorf("a fenced commit was applied: %d rows, %+v", n, first.Info())
	}
	if err := a.Commit(t.Context(), uidl.Change{At: now, Put: messages("c")}); err != nil {
		t.Errorf("Commit of the new holder: %v", err)
	}
	if n := len(b.rows()); n != 2 {
		t.Errorf("%d rows, want 2", n)
	}
}

// interrupted wants what an earlier holder was reading, zero for nothing. A lazy implementation may have lost that, but it never
// becomes another.
func (b *bench) interrupted(a uidl.Account, want uidl.Key) {
	b.t.Helper()
	k, ok := a.Interrupted()
	if b.s.LazyMarker && !ok && k == (uidl.Key{}) {
		return
	}
	if k != want || ok != (want != uidl.Key{}) {
		b.t.Errorf("Interrupted: %q %d %v, want %q %d", k.UID, k.Dup, ok, want.UID, want.Dup)
	}
}

func testMarker(t *testing.T, b *bench) {
	a := b.open()
	note := func(k uidl.Key) {
		t.Helper()
		if err := b.a.Reading(k); err != nil {
			t.Fatalf("Reading(%q): %v", k.UID, err)
		}
	}
	found := func(want uidl.Key) {
		t.Helper()
		b.interrupted(b.a, want)
	}
	long := uidl.Key{UID: strings.Repeat("\xff", 512), Dup: 1<<31 - 1}
	note(long)
	found(uidl.Key{}) // it tells of earlier holders only
	b.reopen()
	found(long)
	found(long)
	short := uidl.Key{UID: "\x00", Dup: 0} // over the long one
	note(short)
	found(uidl.Key{})
	b.reopen()
	found(short)
	b.reopen() // Close does not clear it, nor does looking
	found(short)
	note(uidl.Key{})
	b.reopen()
	found(uidl.Key{})
	if err := b.a.Reading(uidl.Key{UID: strings.Repeat("x", 513)}); err == nil {
		t.Error("Reading of a UID of 513 octets: no error")
	}
	_ = a
}

func testClosed(t *testing.T, b *bench) {
	a := b.open()
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	if err := a.Commit(t.Context(), uidl.Change{At: now, Put: messages("a")}); err == nil {
		t.Error("Commit on a closed account: no error")
	}
	if err := a.Reading(key("a")); err == nil {
		t.Error("Reading on a closed account: no error")
	}
	b.reopen()
	if n := len(b.rows()); n != 0 {
		t.Errorf("%d rows", n)
	}
}

func testCancelled(t *testing.T, b *bench) {
	b.open()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 20 { // whichever case of a select is taken
		if err := b.a.Commit(ctx, uidl.Change{At: now, Put: messages("a")}); !errors.Is(err, context.Canceled) {
			t.Errorf("Commit: %v, want Canceled", err)
		}
	}
	if a, err := b.ledger.Acquire(ctx, "other"); err == nil {
		a.Close()
		t.Error("Acquire: no error")
	}
	var last error
	for _, err := range b.a.Messages(ctx) {
		last = err
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("Messages: %v, want Canceled", last)
	}
	b.commit(uidl.Change{At: now, Put: messages("a")})
	a, err := b.ledger.Acquire(t.Context(), "other")
	if err != nil {
		t.Fatalf("a cancelled Acquire kept the lease: %v", err)
	}
	a.Close()
}
