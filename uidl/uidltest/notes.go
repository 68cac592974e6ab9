package uidltest

import (
	"errors"
	"reflect"
	"testing"

	"github.com/popsync/popsync/uidl"
)

func (b *bench) noted(want uidl.Note) {
	b.t.Helper()
	if n, ok := b.a.Noted(); n != want || ok != (want != uidl.Note{}) {
		b.t.Errorf("Noted: %+v %v, want %+v", n, ok, want)
	}
}

// as acquires another account of the ledger, in the place of the one at hand.
func (b *bench) as(account string) uidl.Account {
	b.t.Helper()
	if err := b.a.Close(); err != nil {
		b.t.Fatal(err)
	}
	a, err := b.ledger.Acquire(b.t.Context(), account)
	if err != nil {
		b.t.Fatal(err)
	}
	b.a = a
	return a
}

func (b *bench) accounts() (names []string) {
	b.t.Helper()
	all, err := b.ledger.Accounts(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	for _, i := range all {
		names = append(names, i.Name)
	}
	return names
}

func testLook(t *testing.T, b *bench) {
	a := b.open()
	b.commit(uidl.Change{At: now})
	ds, err := a.Destinations(t.Context())
	ms, err2 := a.Matches(t.Context(), []uidl.Fingerprint{{1}})
	found, err3 := a.Find(t.Context(), []uidl.Key{key("a")})
	if err := errors.Join(err, err2, err3); err != nil || len(ds)+len(ms)+len(found)+len(b.rows())+len(b.pending()) != 0 {
		t.Errorf("an unknown account has something: %v", err)
	}
	if err := a.Reading(key("a")); err != nil {
		t.Error(err)
	}
	if err := a.Commit(t.Context(), uidl.Change{At: now, Put: messages("a"), Gone: []uidl.Key{key("unknown")}}); err == nil {
		t.Error("a refused change: no error")
	}
	if names := b.accounts(); len(names) != 0 || !reflect.DeepEqual(a.Info(), uidl.Info{Name: name}) {
		t.Errorf("accounts %q, info %+v: looking made something", names, a.Info())
	}
	b.reopen()
	b.noted(uidl.Note{})
	b.interrupted(b.a, key("a"))
	b.commit(uidl.Change{At: now, Put: messages("a")})
	if n := len(b.rows()); n != 1 || b.a.Info().Epoch != 1 || b.a.Info().Token == "" || b.summary().Wanted != 1 {
		t.Errorf("after the first commit: %d rows, %+v", n, b.a.Info())
	}
}

// Two look at an unknown account, one of them without the lease. Only one can make it.
func testCreatedMeanwhile(t *testing.T, b *bench) {
	first := b.open()
	second := b.s.Open(t, b.dir)
	defer second.Close()
	b.s.Usurp(t, b.dir, name)
	a, err := second.Acquire(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if err := a.Commit(t.Context(), uidl.Change{At: now, Put: messages("a")}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := first.Commit(t.Context(), uidl.Change{At: now, Put: messages("b")}); !errors.Is(err, uidl.ErrLeaseLost) {
			t.Errorf("Commit: %v, want ErrLeaseLost", err)
		}
	}
	if i := first.Info(); i.Epoch != 0 || i.Token != "" {
		t.Errorf("Info of the loser: %+v", i)
	}
	if n := len(b.rows()); n != 0 {
		t.Errorf("the loser reads %d rows of another's account", n)
	}
}

func testNotes(t *testing.T, b *bench) {
	b.open()
	b.noted(uidl.Note{})
	b.commit(uidl.Change{At: now, Put: messages("a")})
	b.noted(uidl.Note{}) // it tells of earlier leases only
	token := b.a.Info().Token
	for epoch := range int64(3) {
		b.reopen()
		b.noted(uidl.Note{Token: token, Epoch: epoch + 1})
		if err := b.a.Reading(key("a")); err != nil {
			t.Fatal(err)
		}
		if epoch == 1 { // neither the marker nor its end takes the note away
			if err := b.a.Reading(uidl.Key{}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// A backup is put in the place of the ledger, and then none at all.
func testNotesOlder(t *testing.T, b *bench) {
	b.open()
	b.commit(uidl.Change{At: now, Put: messages("a")})
	token := b.a.Info().Token
	b.close()
	older := b.s.Save(t, b.dir)
	for range 3 {
		b.reopen()
	}
	b.close() // epoch 4
	older()
	high := uidl.Note{Token: token, Epoch: 4}
	for range 2 { // it stays until the ledger is lifted above it
		b.reopen()
		b.noted(high)
	}
	if e := b.a.Info().Epoch; e != 1 {
		t.Errorf("epoch %d, want 1: to look must not overtake the note", e)
	}
	b.commit(uidl.Change{At: now, Lift: 10})
	b.reopen()
	b.noted(uidl.Note{Token: token, Epoch: 10})
	b.close()

	before := b.a.Info()
	older()
	b.ledger = b.s.Open(t, b.dir)
	if err := b.ledger.Rename(t.Context(), moves(name, "gone")); err != nil { // of the older one: the higher note goes along
		t.Fatal(err)
	}
	a, err := b.ledger.Acquire(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	b.a = a
	b.noted(uidl.Note{})
	b.as("gone")
	b.noted(uidl.Note{Token: token, Epoch: before.Epoch})
	b.as(name)
	b.commit(uidl.Change{At: now, Put: messages("new")})
	lost := uidl.Note{Token: b.a.Info().Token, Epoch: 1}
	b.close()
	older() // knows nothing of the new account, and has the old one under its name
	b.reopen()
	b.noted(lost)
	if b.a.Info().Token != token {
		t.Errorf("Info: %+v", b.a.Info())
	}
	b.close()
	b.reopen()
	b.noted(uidl.Note{Token: token, Epoch: b.a.Info().Epoch - 1}) // that one was another account's: no reason to keep it
}

func testNotesRenamed(t *testing.T, b *bench) {
	b.open()
	b.commit(uidl.Change{At: now, Put: messages("a")})
	one := b.a.Info().Token
	b.close()
	beforeRename := b.s.Save(t, b.dir)
	b.reopen()
	b.a.Close()
	if err := b.ledger.Rename(t.Context(), moves(name, "home")); err != nil {
		t.Fatal(err)
	}
	b.as("home")
	b.noted(uidl.Note{Token: one, Epoch: 3}) // two leases and the renaming
	b.as(name)
	b.noted(uidl.Note{})
	b.close()
	// Had the process died before the notes followed: the same note under the old name means nothing.
	beforeRename()
	b.reopen() // leaves a note of epoch 2 here
	b.close()
	afterwards := b.s.Save(t, b.dir)
	beforeRename()
	b.ledger = b.s.Open(t, b.dir)
	if err := b.ledger.Rename(t.Context(), moves(name, "home")); err != nil {
		t.Fatal(err)
	}
	if err := b.ledger.Close(); err != nil {
		t.Fatal(err)
	}
	b.ledger = nil
	renamed := b.s.Save(t, b.dir)
	afterwards()
	b.reopen() // leaves a note here again
	b.close()
	renamed()
	b.reopen()
	b.noted(uidl.Note{})
	if e := b.a.Info().Epoch; e != 0 {
		t.Errorf("epoch %d of a name that is free", e)
	}
}

func testLift(t *testing.T, b *bench) {
	b.open()
	b.commit(uidl.Change{At: now, Lift: 50, Put: messages("a")})
	if e := b.a.Info().Epoch; e != 50 {
		t.Errorf("epoch %d, want 50, of a new account", e)
	}
	b.commit(uidl.Change{At: now, Lift: 40, Put: messages("b")})
	if e := b.summary().Epoch; e != 50 {
		t.Errorf("epoch %d, want 50: it was lifted down", e)
	}
	b.commit(uidl.Change{At: now, Lift: 60})
	b.commit(uidl.Change{At: now, Put: messages("c")}) // the holder goes on
	if e := b.a.Info().Epoch; e != 60 || b.summary().Epoch != 60 {
		t.Errorf("epoch %d, want 60", e)
	}
	token := b.a.Info().Token
	if e := b.reopen().Info().Epoch; e != 61 {
		t.Errorf("epoch %d, want 61", e)
	}
	b.noted(uidl.Note{Token: token, Epoch: 60})
}
