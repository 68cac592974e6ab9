package uidltest

import (
	"errors"
	"testing"

	"github.com/popsync/popsync/uidl"
)

// moves is one renaming for each pair of names.
func moves(names ...string) (all []uidl.Renaming) {
	for i := 0; i < len(names); i += 2 {
		all = append(all, uidl.Renaming{From: names[i], To: names[i+1]})
	}
	return all
}

func testRename(t *testing.T, b *bench) {
	b.open()
	b.commit(uidl.Change{At: now, Listed: true, Destinations: []uidl.Destination{{Name: "d", Identity: "place"}},
		Put: messages("a", "b"), Stage: []uidl.Delivery{publishing("a", "d")}, Status: &uidl.Status{Facts: []byte(`{}`), Failures: 2}})
	if err := b.a.Reading(key("b")); err != nil {
		t.Fatal(err)
	}
	want := b.a.Info()
	if err := b.ledger.Rename(t.Context(), moves(name, "home")); !errors.Is(err, uidl.ErrBusy) {
		t.Errorf("of an account in use: %v, want ErrBusy", err)
	}
	if err := b.a.Close(); err != nil {
		t.Fatal(err)
	}
	for what, pair := range map[string][2]string{
		"of an unknown account": {"nobody", "home"}, "to a bad name": {name, "../x"}, "to itself": {name, name},
	} {
		if err := b.ledger.Rename(t.Context(), moves(pair[0], pair[1])); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	if err := b.ledger.Rename(t.Context(), moves(name, "home")); err != nil {
		t.Fatal(err)
	}
	a, err := b.ledger.Acquire(t.Context(), "home")
	if err != nil {
		t.Fatal(err)
	}
	b.a = a
	got := a.Info()
	if got.Epoch <= want.Epoch+1 {
		t.Errorf("epoch %d after %d: an old holder is not fenced off", got.Epoch, want.Epoch)
	}
	if got.Name != "home" || got.Token != want.Token || got.Listings != want.Listings || got.Failures != 2 {
		t.Errorf("info %+v, was %+v", got, want)
	}
	if len(b.rows()) != 2 || len(b.pending()) != 1 || b.pending()[0].Ticket != "t-d" {
		t.Errorf("%d rows, pending %v", len(b.rows()), b.pending())
	}
	if d, err := a.Destinations(t.Context()); err != nil || len(d) != 1 || d[0].Identity != "place" {
		t.Errorf("destinations %v, %v", d, err)
	}
	b.interrupted(a, key("b"))
	other, err := b.ledger.Acquire(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	if i := other.Info(); i.Epoch != 0 || i.Listings != 0 {
		t.Errorf("the old name still knows %+v", i)
	}
	if k, ok := other.Interrupted(); ok {
		t.Errorf("the old name was interrupted at %v", k)
	}
	if err := other.Commit(t.Context(), uidl.Change{At: now, Put: messages("x")}); err != nil {
		t.Fatal(err)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	if err := b.a.Close(); err != nil {
		t.Fatal(err)
	}
	if err := b.ledger.Rename(t.Context(), moves("home", name)); !errors.Is(err, uidl.ErrNameTaken) {
		t.Errorf("to a name that is taken: %v, want ErrNameTaken", err)
	}
	b.reopen()
}
