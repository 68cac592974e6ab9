package sqlite

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/popsync/popsync/uidl"
)

// queued starts changes while the writer is busy, and lets it go on once all of them wait. It returns what became of each.
func queued(t *testing.T, w *writer, changes ...func(*tx) error) []error {
	t.Helper()
	errs := make([]error, len(changes))
	<-w.turn
	var all sync.WaitGroup
	for i, f := range changes {
		all.Go(func() {
			defer func() {
				if r := recover(); r != nil {
					errs[i] = fmt.Errorf("panicked: %v", r)
				}
			}()
			errs[i] = w.transact(context.Background(), f)
		})
		await(w, i+1)
	}
	w.turn <- struct{}{}
	all.Wait()
	return errs
}

// await returns when so many changes wait.
func await(w *writer, n int) {
	for {
		w.mu.Lock()
		waiting := len(w.queue)
		w.mu.Unlock()
		if waiting == n {
			return
		}
		runtime.Gosched()
	}
}

func put(t *testing.T, name string) func(*tx) error {
	return func(tx *tx) error {
		return tx.exec(`INSERT INTO account (name) VALUES (?)`, name)
	}
}

func names(t *testing.T, dir string) (n int) {
	t.Helper()
	l := mustOpen(t, dir)
	defer l.Close()
	if err := l.readers.QueryRowContext(t.Context(), "SELECT count(*) FROM account").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// Changes that queue up share a commit, and each is in it whole or not at all.
func TestSharedCommit(t *testing.T) {
	dir := t.TempDir()
	l := mustOpen(t, dir)
	refused := errors.New("refused")
	used := map[*tx]int{}
	noted := func(f func(*tx) error) func(*tx) error {
		return func(tx *tx) error { used[tx]++; return f(tx) }
	}
	errs := queued(t, l.writer,
		noted(put(t, "a")),
		noted(func(tx *tx) error { return errors.Join(put(t, "half")(tx), refused) }),
		noted(put(t, "a")), // there is one of that name: SQLite refuses the statement
		noted(put(t, "b")))
	if errs[0] != nil || !errors.Is(errs[1], refused) || errs[2] == nil || errs[3] != nil {
		t.Errorf("results: %v", errs)
	}
	if len(used) != 1 {
		t.Errorf("%d transactions", len(used))
	}
	l.Close()
	if n := names(t, dir); n != 2 {
		t.Errorf("%d rows, want a and b", n)
	}
}

// When the COMMIT of several fails, it has failed for all.
func TestSharedDoubt(t *testing.T) {
	dir := t.TempDir()
	l := mustOpen(t, dir)
	errs := queued(t, l.writer, put(t, "a"), breaksAtCommit, put(t, "b"))
	for i, err := range errs {
		if !errors.Is(err, uidl.ErrDoubt) || errors.Is(err, uidl.ErrLeaseLost) {
			t.Errorf("change %d was told %v, want ErrDoubt", i, err)
		}
	}
	if err := l.writer.transact(t.Context(), put(t, "c")); !errors.Is(err, uidl.ErrLeaseLost) || errors.Is(err, uidl.ErrDoubt) {
		t.Errorf("a change after a doubt: %v, want ErrLeaseLost", err)
	}
	l.Close()
	if n := names(t, dir); n != 0 {
		t.Errorf("%d rows of a failed commit", n)
	}
}

// A change that panics takes nobody with it: the others are told, and do not wait for ever.
func TestSharedPanic(t *testing.T) {
	dir := t.TempDir()
	l := mustOpen(t, dir)
	errs := queued(t, l.writer, put(t, "a"), func(*tx) error { panic("bug") }, put(t, "b"))
	for i, err := range errs {
		if err == nil {
			t.Errorf("change %d was told that it is durable", i)
		}
	}
	if err := l.writer.transact(t.Context(), put(t, "c")); err == nil {
		t.Error("a change after a panic")
	}
	for range 2 { // it is our own fault: no other writer follows
		if _, err := l.Acquire(t.Context(), "d"); !errors.Is(err, uidl.ErrUnusable) {
			t.Errorf("Acquire after a panic: %v, want ErrUnusable", err)
		}
	}
	l.Close()
	if n := names(t, dir); n != 0 {
		t.Errorf("%d rows", n)
	}
}

// Who gives up while waiting has changed nothing, and is not waited for.
func TestSharedWithdrawn(t *testing.T) {
	dir := t.TempDir()
	l := mustOpen(t, dir)
	ctx, cancel := context.WithCancel(t.Context())
	<-l.writer.turn
	gone := make(chan error, 1)
	go func() { gone <- l.writer.transact(ctx, put(t, "gone")) }()
	await(l.writer, 1)
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("withdrawn: %v", err)
	}
	l.writer.turn <- struct{}{}
	if err := l.writer.transact(t.Context(), put(t, "a")); err != nil {
		t.Error(err)
	}
	l.Close()
	if n := names(t, dir); n != 1 {
		t.Errorf("%d rows, want a", n)
	}
}
