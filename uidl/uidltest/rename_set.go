package uidltest

import (
	"errors"
	"reflect"
	"testing"

	"github.com/popsync/popsync/uidl"
)

// three makes accounts a, b, c, each with a row, a marker and a fact of its name.
func (b *bench) three() (tokens map[string]string) {
	b.t.Helper()
	b.open()
	tokens = map[string]string{}
	for _, n := range []string{"a", "b", "c"} {
		a := b.as(n)
		b.commit(uidl.Change{At: now, Listed: true, Put: messages("of " + n), Status: &uidl.Status{Facts: []byte(n)}})
		if err := a.Reading(key("of " + n)); err != nil {
			b.t.Fatal(err)
		}
		tokens[n] = a.Info().Token
	}
	b.as(name)
	return tokens
}

// is acquires an account and looks whose it was.
func (b *bench) is(account, was, token string, facts string) {
	b.t.Helper()
	a := b.as(account)
	i := a.Info()
	if i.Token != token || string(i.Facts) != facts || len(b.rows()) != 1 || b.rows()[0].UID != "of "+was {
		b.t.Errorf("%s: %+v, rows %+v; want what was %s", account, i, b.rows(), was)
	}
	b.interrupted(a, key("of "+was))
	if n, ok := a.Noted(); !ok || n != (uidl.Note{Token: token, Epoch: 2}) || i.Epoch != 3 {
		b.t.Errorf("%s: noted %+v, epoch %d, want 3 after 2", account, n, i.Epoch)
	}
}

func testRenameSet(t *testing.T, b *bench) {
	tokens := b.three()
	set := moves("a", "b", "b", "a", "c", "d")
	set[0].Facts = func(own, empty []byte) []byte { return append(append([]byte{}, own...), '+') }
	set[2].Facts = func(own, empty []byte) []byte {
		if empty != nil {
			t.Errorf("facts %q of an account that is not there", empty)
		}
		return own
	}
	if err := b.ledger.Rename(t.Context(), set); err != nil {
		t.Fatal(err)
	}
	if got, want := b.accounts(), []string{"a", "b", "d"}; !reflect.DeepEqual(got, want) {
		t.Errorf("accounts %q, want %q", got, want)
	}
	b.is("b", "a", tokens["a"], "a+")
	b.is("a", "b", tokens["b"], "b")
	b.is("d", "c", tokens["c"], "c")
	c := b.as("c")
	if _, ok := c.Interrupted(); ok || c.Info().Epoch != 0 {
		t.Errorf("c is left: %+v", c.Info())
	}
	b.noted(uidl.Note{})
	b.as(name)
	if err := b.ledger.Rename(t.Context(), nil); err != nil {
		t.Errorf("of none: %v", err)
	}
}

// An account that was only paused, or looked at by a pass that failed, makes way; its facts are merged.
func testRenameOver(t *testing.T, b *bench) {
	tokens := b.three()
	b.as("new")
	b.commit(uidl.Change{At: now, Status: &uidl.Status{Facts: []byte("paused")}, Pass: &uidl.Pass{Started: now, Ended: now}})
	b.as(name)
	set := moves("a", "new")
	set[0].Facts = func(own, empty []byte) []byte { return append(append([]byte{}, own...), empty...) }
	if err := b.ledger.Rename(t.Context(), set); err != nil {
		t.Fatal(err)
	}
	b.is("new", "a", tokens["a"], "apaused")
	for what, c := range map[string]uidl.Change{
		"listed":        {Listed: true},
		"has-a-message": {Put: messages("x")},
		"has-a-place":   {Destinations: places("d")},
	} {
		b.as(what)
		c.At = now
		b.commit(c)
		b.as(name)
		if err := b.ledger.Rename(t.Context(), moves("new", what)); !errors.Is(err, uidl.ErrNameTaken) {
			t.Errorf("to one that %s: %v, want ErrNameTaken", what, err)
		}
	}
}

func testRenameWhole(t *testing.T, b *bench) {
	tokens := b.three()
	before := b.accounts()
	refused := func(what string, want error, set []uidl.Renaming) {
		t.Helper()
		err := b.ledger.Rename(t.Context(), set)
		if err == nil || want != nil && !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
		if got := b.accounts(); !reflect.DeepEqual(got, before) {
			t.Errorf("%s: accounts %q, want %q", what, got, before)
		}
	}
	refused("one is taken", uidl.ErrNameTaken, moves("a", "z", "b", "c"))
	refused("one is unknown", nil, moves("a", "z", "nobody", "y"))
	refused("two to one", nil, moves("a", "z", "b", "z"))
	refused("one to two", nil, moves("a", "z", "a", "y"))
	refused("bad name", nil, moves("a", "z", "b", "../y"))
	b.as("b")
	refused("the last is busy", uidl.ErrBusy, moves("a", "z", "c", "b", "b", "y"))
	b.as("y")
	refused("a new name is busy", uidl.ErrBusy, moves("a", "z", "b", "y"))
	b.as(name)
	if err := b.ledger.Rename(t.Context(), moves("a", "y", "b", "z")); err != nil { // no lease was kept
		t.Fatal(err)
	}
	b.is("y", "a", tokens["a"], "a")
}

// A holder whose lease and account went away without its knowing must not write into one that was made since.
func testRenameFences(t *testing.T, b *bench) {
	b.open()
	if err := b.as("b").Commit(t.Context(), uidl.Change{At: now, Put: messages("a")}); err != nil {
		t.Fatal(err)
	}
	former := b.as(name)
	b.commit(uidl.Change{At: now, Status: &uidl.Status{}})
	second := b.s.Open(t, b.dir)
	defer second.Close()
	b.s.Usurp(t, b.dir, name)
	if err := second.Rename(t.Context(), moves("b", name)); err != nil {
		t.Fatal(err)
	}
	fresh, err := second.Acquire(t.Context(), "fresh")
	if err != nil {
		t.Fatal(err)
	}
	defer fresh.Close()
	if err := fresh.Commit(t.Context(), uidl.Change{At: now, Put: messages("x")}); err != nil {
		t.Fatal(err)
	}
	if err := former.Commit(t.Context(), uidl.Change{At: now, Put: messages("stray")}); !errors.Is(err, uidl.ErrLeaseLost) {
		t.Errorf("Commit: %v, want ErrLeaseLost", err)
	}
	if err := fresh.Commit(t.Context(), uidl.Change{At: now, Put: messages("y")}); err != nil {
		t.Error(err)
	}
}
