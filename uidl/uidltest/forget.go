package uidltest

import (
	"errors"
	"testing"

	"github.com/popsync/popsync/uidl"
)

// A row that is removed is as one that there never was; what a delivery refers to stays.
func testRemove(t *testing.T, b *bench) {
	b.open()
	b.commit(uidl.Change{At: now, Destinations: places("d"), Put: messages("a", "b", "c"), Stage: []uidl.Delivery{publishing("b", "d")}})
	for what, c := range map[string]uidl.Change{
		"an unknown one":       {Remove: []uidl.Key{key("nobody")}},
		"one that is open":     {Remove: []uidl.Key{key("b")}},
		"no key":               {Remove: []uidl.Key{{}}},
		"one of two is open":   {Remove: []uidl.Key{key("a"), key("b")}},
		"twice":                {Remove: []uidl.Key{key("a"), key("a")}},
		"with a second change": {Remove: []uidl.Key{key("a")}, Mark: []uidl.Mark{{Key: key("a"), State: uidl.Parked}}},
	} {
		if err := b.a.Commit(t.Context(), c); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	if n := len(b.rows()); n != 3 {
		t.Fatalf("%d rows after refused changes, want 3", n)
	}
	// It comes before Put: the row is another message's then.
	fresh := message("c")
	fresh.Size = 7
	b.commit(uidl.Change{At: now, Remove: []uidl.Key{key("a"), key("c")}, Put: []uidl.Message{fresh}})
	b.reopen()
	if rows := b.rows(); len(rows) != 2 || rows[0].Key != key("b") || rows[1].Size != 7 || len(b.pending()) != 1 {
		t.Errorf("rows %+v, pending %v", rows, b.pending())
	}
}

// Of an account that is forgotten nothing is left, and one of its name that comes after it is another. Others stay.
func testForget(t *testing.T, b *bench) {
	b.open()
	b.commit(uidl.Change{At: now, Listed: true, Generation: 2, Destinations: places("d"), Put: messages("a", "b"),
		Stage: []uidl.Delivery{publishing("a", "d")}, Status: &uidl.Status{Facts: []byte(`{"x":1}`)}, Pass: &uidl.Pass{OK: true}})
	if err := b.a.Reading(key("b")); err != nil {
		t.Fatal(err)
	}
	other, err := b.ledger.Acquire(t.Context(), "other")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := other.Commit(t.Context(), uidl.Change{At: now, Destinations: places("d"), Put: messages("a")}); err != nil {
		t.Fatal(err)
	}
	token := b.a.Info().Token
	if err := b.a.Forget(t.Context()); err != nil {
		t.Fatal(err)
	}
	if i := b.a.Info(); i.Epoch != 0 || i.Token != "" || len(b.rows())+len(b.pending()) != 0 {
		t.Errorf("what is left: %+v, %v, %v", i, b.rows(), b.pending())
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	b.reopen()
	if i := b.a.Info(); i.Epoch != 0 || i.Listings != 0 || i.Facts != nil {
		t.Errorf("found again: %+v", i)
	}
	if k, ok := b.a.Interrupted(); ok {
		t.Errorf("the mark of what was being read is there: %v", k)
	}
	if n, ok := b.a.Noted(); ok {
		t.Errorf("its note is there: %+v", n)
	}
	if all, err := b.ledger.Accounts(t.Context()); err != nil || len(all) != 1 || all[0].Name != "other" {
		t.Errorf("accounts %v, %v", all, err)
	}
	b.commit(uidl.Change{At: now, Put: messages("a")})
	if i := b.a.Info(); i.Epoch != 1 || i.Token == token {
		t.Errorf("an account of its name: %+v", i)
	}
	if err := b.a.Forget(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := b.a.Forget(t.Context()); err != nil {
		t.Errorf("one that is not known: %v", err)
	}
}

// Who lost the lease forgets nothing.
func testForgetFenced(t *testing.T, b *bench) {
	b.open()
	b.commit(uidl.Change{At: now, Put: messages("a")})
	b.s.Usurp(t, b.dir, name)
	second, err := b.ledger.Acquire(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if err := b.a.Forget(t.Context()); !errors.Is(err, uidl.ErrLeaseLost) {
		t.Errorf("forget after the lease was lost: %v", err)
	}
	if err := second.Commit(t.Context(), uidl.Change{At: now, Mark: []uidl.Mark{{Key: key("a"), State: uidl.Parked}}}); err != nil {
		t.Errorf("the row is gone: %v", err)
	}
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	if err := second.Forget(t.Context()); err == nil {
		t.Error("a closed account was forgotten")
	}
}
