package uidltest

import (
	"errors"
	"reflect"
	"testing"

	"github.com/popsync/popsync/uidl"
)

func isLost(a uidl.Account) bool {
	select {
	case <-a.Lost():
		return true
	default:
		return false
	}
}

// deadLease makes sure that an account that has lost its lease can change nothing, and says so.
func deadLease(t *testing.T, a uidl.Account) {
	t.Helper()
	if !isLost(a) {
		t.Error("Lost is not closed")
	}
	before := a.Info()
	for range 2 {
		if err := a.Commit(t.Context(), uidl.Change{At: now, Listed: true, Put: messages("late")}); !errors.Is(err, uidl.ErrLeaseLost) || errors.Is(err, uidl.ErrDoubt) {
			t.Errorf("Commit after the lease was lost: %v, want ErrLeaseLost", err)
		}
		if err := a.Forget(t.Context()); !errors.Is(err, uidl.ErrLeaseLost) {
			t.Errorf("Forget after the lease was lost: %v, want ErrLeaseLost", err)
		}
	}
	if !reflect.DeepEqual(a.Info(), before) {
		t.Errorf("a commit without a lease left %+v", a.Info())
	}
}

// Whoever loses the lease is told, at the latest by a commit, and nothing of his is applied from then on.
func testLost(t *testing.T, b *bench) {
	first := b.open()
	b.commit(uidl.Change{At: now, Put: messages("a")})
	if isLost(first) {
		t.Fatal("Lost is closed, and nothing happened")
	}
	second := b.s.Open(t, b.dir)
	defer second.Close()
	b.s.Usurp(t, b.dir, name)
	a, err := second.Acquire(t.Context(), name)
	if err != nil {
		t.Fatalf("Acquire after Usurp: %v", err)
	}
	defer a.Close()
	if err := first.Commit(t.Context(), uidl.Change{At: now, Put: messages("b")}); !errors.Is(err, uidl.ErrLeaseLost) {
		t.Errorf("Commit without the lease: %v, want ErrLeaseLost", err)
	}
	deadLease(t, first)
	if isLost(a) {
		t.Error("the new holder's lease counts as lost")
	}
	if n := len(b.rows()); n != 1 {
		t.Errorf("%d rows, want 1", n)
	}
}

// half tells that a change of two rows was applied in part.
func (b *bench) half(first, second string) bool {
	b.t.Helper()
	found, err := b.a.Find(b.t.Context(), []uidl.Key{key(first), key(second)})
	if err != nil {
		b.t.Fatalf("Find: %v", err)
	}
	return len(found) == 1
}

// A commit in doubt ends the lease. What it changed is there as a whole or not at all, the same ledger goes on, and what it
// tells then stays.
func testDoubt(t *testing.T, b *bench) {
	b.open()
	b.commit(uidl.Change{At: now, Put: messages("a"), Destinations: places("d"), Stage: []uidl.Delivery{publishing("a", "d")}})
	for i, uid := range []string{"b", "c", "d"} {
		a := b.a
		err := b.s.Doubt(t, b.ledger, func() error {
			return a.Commit(t.Context(), uidl.Change{At: now, Put: messages(uid+"1", uid+"2"), Stage: []uidl.Delivery{publishing(uid+"2", "d")}})
		})
		if !errors.Is(err, uidl.ErrDoubt) || errors.Is(err, uidl.ErrLeaseLost) || errors.Is(err, uidl.ErrLocked) || errors.Is(err, uidl.ErrFull) {
			t.Fatalf("a commit in doubt: %v, want ErrDoubt alone", err)
		}
		deadLease(t, a)
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		if b.a, err = b.ledger.Acquire(t.Context(), name); err != nil {
			t.Fatalf("Acquire after a doubt: %v", err)
		}
		if b.half(uid+"1", uid+"2") {
			t.Error("half of a change was applied")
		}
		before, open := b.rows(), b.pending()
		if len(open) != len(before)/2+1 || isLost(b.a) {
			t.Errorf("%d rows, %d open", len(before), len(open))
		}
		b.commit(uidl.Change{At: now, Mark: []uidl.Mark{{Key: key("a"), State: uidl.Delivered, Attempts: i}}})
		before[0].State, before[0].Attempts = uidl.Delivered, i
		if after := b.rows(); !reflect.DeepEqual(after, before) {
			t.Errorf("rows %+v, and before they were %+v", after, before)
		}
		b.reopen()
		if after := b.rows(); !reflect.DeepEqual(after, before) || len(b.pending()) != len(open) {
			t.Errorf("opened anew it has %+v, and before it had %+v", after, before)
		}
	}
}

// The commit in doubt is the one that makes the account's row, or would.
func testDoubtFirst(t *testing.T, b *bench) {
	a := b.open()
	err := b.s.Doubt(t, b.ledger, func() error { return a.Commit(t.Context(), uidl.Change{At: now, Put: messages("a", "b")}) })
	if !errors.Is(err, uidl.ErrDoubt) {
		t.Fatalf("a commit in doubt: %v", err)
	}
	deadLease(t, a)
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if b.a, err = b.ledger.Acquire(t.Context(), name); err != nil {
		t.Fatalf("Acquire after a doubt: %v", err)
	}
	if n := len(b.rows()); n != 0 && n != 2 || n == 0 != (b.a.Info().Epoch == 0) {
		t.Errorf("%d rows, %+v", n, b.a.Info())
	}
	b.commit(uidl.Change{At: now, Renew: messages("a", "b")})
	b.reopen()
	if n := len(b.rows()); n != 2 {
		t.Errorf("%d rows", n)
	}
}

// A doubt about one account is none about another: that one goes on, or has lost its lease and nothing else.
func testDoubtOthers(t *testing.T, b *bench) {
	b.open()
	other, err := b.ledger.Acquire(t.Context(), "other")
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Commit(t.Context(), uidl.Change{At: now, Put: messages("x")}); err != nil {
		t.Fatal(err)
	}
	err = b.s.Doubt(t, b.ledger, func() error { return b.a.Commit(t.Context(), uidl.Change{At: now, Put: messages("a")}) })
	if !errors.Is(err, uidl.ErrDoubt) {
		t.Fatalf("a commit in doubt: %v", err)
	}
	third, err := b.ledger.Acquire(t.Context(), "third") // while the others are still open
	if err != nil {
		t.Fatalf("Acquire of a third account: %v", err)
	}
	if err := third.Commit(t.Context(), uidl.Change{At: now, Put: messages("y")}); err != nil {
		t.Errorf("Commit of a third account: %v", err)
	}
	lost := isLost(other)
	err = other.Commit(t.Context(), uidl.Change{At: now, Put: messages("z")})
	if lost && !errors.Is(err, uidl.ErrLeaseLost) || !lost && err != nil {
		t.Errorf("lost %v, Commit: %v", lost, err)
	}
	if lost {
		deadLease(t, other)
		if err := other.Close(); err != nil {
			t.Fatal(err)
		}
		if other, err = b.ledger.Acquire(t.Context(), "other"); err != nil {
			t.Fatal(err)
		}
		if err := other.Commit(t.Context(), uidl.Change{At: now, Put: messages("z")}); err != nil {
			t.Errorf("Commit under a new lease: %v", err)
		}
	}
	n := 0
	for _, err := range other.Messages(t.Context()) {
		if n++; err != nil {
			t.Fatal(err)
		}
	}
	if n != 2 {
		t.Errorf("%d rows of another account, want 2", n)
	}
	if err := errors.Join(other.Close(), third.Close()); err != nil {
		t.Error(err)
	}
}

// Who looks creates nothing, and is not told anything of an account that cannot be.
func testInUse(t *testing.T, b *bench) {
	b.open()
	for account, want := range map[string]bool{name: true, "other": false} {
		if used, err := b.ledger.InUse(t.Context(), account); used != want || err != nil {
			t.Errorf("%s is in use: %v, %v, want %v", account, used, err, want)
		}
	}
	second := b.s.Open(t, b.dir)
	defer second.Close()
	if used, err := second.InUse(t.Context(), name); !used || err != nil {
		t.Errorf("seen by another handle: %v, %v", used, err)
	}
	if _, err := b.ledger.InUse(t.Context(), "../x"); err == nil {
		t.Error("a name that no account can have: no error")
	}
	if all, err := b.ledger.Accounts(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("%+v, %v", all, err)
	}
	if err := b.a.Close(); err != nil {
		t.Fatal(err)
	}
	if used, err := b.ledger.InUse(t.Context(), name); used || err != nil {
		t.Errorf("given back: %v, %v", used, err)
	}
}
