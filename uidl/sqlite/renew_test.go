package sqlite

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/popsync/popsync/uidl"
)

func putRow(uid string) uidl.Change {
	return uidl.Change{At: 1, Put: []uidl.Message{row(uid)}}
}

// When COMMIT itself fails, what is durable is not known: no lease counts any more, and the same ledger goes on by another
// writer, with another lease.
func TestDoubtRenews(t *testing.T) {
	dir := t.TempDir()
	l := mustOpen(t, dir)
	a, b := mustAcquire(t, l, "work"), mustAcquire(t, l, "home")
	if err := l.InDoubt(t, func() error { return a.Commit(t.Context(), putRow("a")) }); !errors.Is(err, uidl.ErrDoubt) {
		t.Fatalf("Commit: %v, want ErrDoubt", err)
	}
	first := l.writer
	for _, acc := range []uidl.Account{a, b} {
		select {
		case <-acc.Lost():
		default:
			t.Error("an account has its lease still")
		}
		if err := acc.Commit(t.Context(), putRow("b")); !errors.Is(err, uidl.ErrLeaseLost) {
			t.Errorf("Commit without a lease: %v", err)
		}
		if n := count(t, acc); n != 0 { // to read goes on
			t.Errorf("%d rows", n)
		}
		if err := acc.Close(); err != nil {
			t.Error(err)
		}
	}
	a = mustAcquire(t, l, "work")
	if l.writer == first || l.kept != nil || l.unusable != nil {
		t.Errorf("the writer was not replaced, or something is left: %v, %v", l.kept, l.unusable)
	}
	if err := assertPragmas(t.Context(), l.writer.conn); err != nil {
		t.Errorf("the next writer: %v", err)
	}
	if err := a.Commit(t.Context(), putRow("a")); err != nil {
		t.Errorf("Commit by the next writer: %v", err)
	}
	if n := countCopy(t, dir); n != 1 {
		t.Errorf("%d rows after a power cut", n)
	}
	if err := errors.Join(l.Check(t.Context()), a.Close(), l.Close()); err != nil {
		t.Error(err)
	}
}

// A lease that is being taken while another's commit ends in doubt is taken all the same.
func TestAcquireInDoubt(t *testing.T) {
	l := mustOpen(t, t.TempDir())
	mustAcquire(t, l, "work").Close()
	var a uidl.Account
	err := l.InDoubt(t, func() (err error) {
		a, err = l.Acquire(context.Background(), "work")
		return err
	})
	if err != nil {
		t.Fatalf("Acquire: %v", err)
	}
	select {
	case <-a.Lost():
		t.Error("its lease is lost")
	default:
	}
	if err := errors.Join(a.Commit(t.Context(), putRow("a")), a.Close()); err != nil {
		t.Error(err)
	}
}

// What waits its turn while a commit ends in doubt was not begun, and is told so.
func TestWaitingInDoubt(t *testing.T) {
	l := mustOpen(t, t.TempDir())
	a := mustAcquire(t, l, "work")
	w := l.writer
	<-w.turn
	var all sync.WaitGroup
	errs := make([]error, maxShared+1)
	for i := range maxShared {
		f := put(t, "")
		if i == 0 {
			f = breaksAtCommit
		}
		all.Go(func() { errs[i] = w.transact(context.Background(), f) })
		await(w, i+1)
	}
	all.Go(func() { errs[maxShared] = a.Commit(context.Background(), putRow("a")) })
	await(w, maxShared+1)
	w.turn <- struct{}{}
	all.Wait()
	if !errors.Is(errs[0], uidl.ErrDoubt) || !errors.Is(errs[maxShared], uidl.ErrLeaseLost) || errors.Is(errs[maxShared], uidl.ErrDoubt) {
		t.Errorf("%v; %v", errs[0], errs[maxShared])
	}
}

// A connection that is gone before COMMIT has applied nothing. Nobody is in doubt, and the next writer follows.
func TestShakenRenews(t *testing.T) {
	l := mustOpen(t, t.TempDir())
	a := mustAcquire(t, l, "work")
	if err := a.Commit(t.Context(), putRow("a")); err != nil {
		t.Fatal(err)
	}
	if err := l.writer.conn.Close(); err != nil {
		t.Fatal(err)
	}
	if err := a.Commit(t.Context(), putRow("b")); !errors.Is(err, uidl.ErrLeaseLost) || errors.Is(err, uidl.ErrDoubt) {
		t.Errorf("Commit: %v, want ErrLeaseLost", err)
	}
	a.Close()
	a = mustAcquire(t, l, "work")
	if err := a.Commit(t.Context(), putRow("c")); err != nil || count(t, a) != 2 {
		t.Errorf("%d rows, %v", count(t, a), err)
	}
}

// A ledger that cannot be opened anew after a doubt is of no use to this process, for good.
func TestRenewFails(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(t *testing.T, l *Ledger) (mend func())
	}{
		{"gone", func(t *testing.T, l *Ledger) func() {
			if err := os.Rename(l.path, l.path+".away"); err != nil {
				t.Fatal(err)
			}
			return func() { os.Rename(l.path+".away", l.path) }
		}},
		{"under repair", func(t *testing.T, l *Ledger) func() {
			mark := filepath.Join(l.dir, repairingName)
			if err := os.WriteFile(mark, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			return func() { os.Remove(mark) }
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := mustOpen(t, t.TempDir())
			a := mustAcquire(t, l, "work")
			if err := a.Commit(t.Context(), putRow("a")); err != nil {
				t.Fatal(err)
			}
			if err := l.InDoubt(t, func() error { return a.Commit(t.Context(), putRow("b")) }); !errors.Is(err, uidl.ErrDoubt) {
				t.Fatal(err)
			}
			a.Close()
			mend := tt.spoil(t, l)
			for range 2 {
				_, err := l.Acquire(t.Context(), "work")
				if !errors.Is(err, uidl.ErrUnusable) || !strings.Contains(err.Error(), "FOREIGN KEY") {
					t.Errorf("Acquire: %v", err)
				}
				mend()
			}
			if err := l.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
	}
}

// Who gives up while the ledger is opened anew leaves that to the next.
func TestRenewAgain(t *testing.T) {
	l := mustOpen(t, t.TempDir())
	a := mustAcquire(t, l, "work")
	if err := l.InDoubt(t, func() error { return a.Commit(t.Context(), putRow("a")) }); !errors.Is(err, uidl.ErrDoubt) {
		t.Fatal(err)
	}
	a.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Acquire(ctx, "work"); !errors.Is(err, context.Canceled) || errors.Is(err, uidl.ErrUnusable) {
		t.Errorf("Acquire: %v", err)
	}
	a = mustAcquire(t, l, "work")
	if err := errors.Join(a.Commit(t.Context(), putRow("a")), a.Close(), l.Close()); err != nil {
		t.Error(err)
	}
}
