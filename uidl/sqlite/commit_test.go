package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/popsync/popsync/uidl"
)

func count(t *testing.T, a uidl.Account) (n int) {
	t.Helper()
	for _, err := range a.Messages(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

// countCopy counts the rows in a copy of the files.
func countCopy(t *testing.T, dir string) int {
	t.Helper()
	to := t.TempDir()
	for _, name := range []string{databaseName, databaseName + "-wal"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l, err := Open(context.Background(), Options{Dir: to})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	a, err := l.Acquire(context.Background(), "work")
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	return count(t, a)
}

// Another process in a long transaction: temporary, nothing applied, and over when it ends.
func TestLockedByAnother(t *testing.T) {
	dir := t.TempDir()
	l := mustOpen(t, dir)
	a := mustAcquire(t, l, "work")
	other := openPool(filepath.Join(dir, databaseName), readWrite)
	defer other.Close()
	tx, err := other.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.writer.conn.ExecContext(t.Context(), "PRAGMA busy_timeout(20)"); err != nil {
		t.Fatal(err)
	}
	err = a.Commit(t.Context(), uidl.Change{At: 1, Put: []uidl.Message{row("a")}})
	if !errors.Is(err, uidl.ErrLocked) || !strings.Contains(err.Error(), "Next step") {
		t.Errorf("Commit: %v, want ErrLocked", err)
	}
	if n := count(t, a); n != 0 {
		t.Errorf("%d rows", n)
	}
	tx.Rollback()
	if err := a.Commit(t.Context(), uidl.Change{At: 1, Put: []uidl.Message{row("a")}}); err != nil {
		t.Errorf("Commit after the lock went: %v", err)
	}
}

// The database may not grow, as on a full disk: nothing is applied, and the same handle goes on.
func TestFull(t *testing.T) {
	l := mustOpen(t, t.TempDir())
	a := mustAcquire(t, l, "work")
	var c uidl.Change
	for i := range 1500 {
		c.Put = append(c.Put, row(fmt.Sprintf("%0100d", i)))
	}
	if _, err := l.writer.conn.ExecContext(t.Context(), "PRAGMA max_page_count(40)"); err != nil {
		t.Fatal(err)
	}
	err := a.Commit(t.Context(), c)
	if !errors.Is(err, uidl.ErrFull) || !strings.Contains(err.Error(), "Next step") {
		t.Errorf("Commit: %v, want ErrFull", err)
	}
	if n := count(t, a); n != 0 {
		t.Errorf("%d rows of a failed commit", n)
	}
	if _, err := l.writer.conn.ExecContext(t.Context(), "PRAGMA max_page_count(4000000)"); err != nil {
		t.Fatal(err)
	}
	if err := a.Commit(t.Context(), c); err != nil {
		t.Errorf("Commit with space again: %v", err)
	}
}

// What a pass costs on disk, in a ledger of 10,000 rows.
func TestGrowth(t *testing.T) {
	dir := bigLedger(t, 10_000)
	before := fileSizes(t, dir)
	if per := before / 10_000; per > 150 { // 20 of them the UID
		t.Errorf("%d octets a kept message", per)
	}
	l := mustOpen(t, dir)
	a := mustAcquire(t, l, "big")
	log := func() int64 {
		fi, err := os.Stat(filepath.Join(dir, databaseName+"-wal"))
		if err != nil {
			t.Fatal(err)
		}
		return fi.Size()
	}
	end := func(at int64) uidl.Change {
		return uidl.Change{At: at, Listed: true, Status: &uidl.Status{Facts: []byte(`{"pipelining":true}`)},
			Pass: &uidl.Pass{Started: at, Ended: at, OK: true, Totals: []byte(`{"new":0}`)}}
	}
	at := int64(benchDay)
	for range 3 {
		start := log()
		at += 600
		if err := a.Commit(t.Context(), end(at)); err != nil {
			t.Fatal(err)
		}
		if n := log() - start; n > 20<<10 {
			t.Errorf("an unchanged listing wrote %d octets to the log", n)
		}
	}
	for i := range 10 { // new messages one by one, the worst way
		m := fullMessage(1_000_000 + i)
		m.State, m.Have = uidl.Wanted, 0
		in := uidl.Change{At: at, Put: []uidl.Message{m}, Stage: []uidl.Delivery{{Key: m.Key, Destination: "maildir", State: uidl.Publishing, Ticket: "t"}}}
		out := uidl.Change{At: at, Settle: []uidl.Settled{{Key: m.Key, Destination: "maildir", As: uidl.Had, State: uidl.Delivered}}}
		if err := errors.Join(a.Commit(t.Context(), in), a.Commit(t.Context(), out)); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("the log before the last close: %d octets", log())
	if err := errors.Join(a.Close(), l.Close()); err != nil {
		t.Fatal(err)
	}
	if n := fileSizes(t, dir) - before; n > 60<<10 {
		t.Errorf("ten new messages grew the ledger by %d octets", n)
	} else {
		t.Logf("ten new messages grew the ledger by %d octets", n)
	}
	if n := log(); n != 0 {
		t.Errorf("%d octets of log after the last close", n)
	}
}

func TestHundredPassesAreKept(t *testing.T) {
	l := mustOpen(t, t.TempDir())
	a := mustAcquire(t, l, "work")
	for i := range int64(passesKept + 7) {
		if err := a.Commit(t.Context(), uidl.Change{At: i, Pass: &uidl.Pass{Started: i, Ended: i}}); err != nil {
			t.Fatal(err)
		}
	}
	var n, oldest int64
	err := l.readers.QueryRowContext(t.Context(), "SELECT count(*), min(started) FROM pass").Scan(&n, &oldest)
	if err != nil || n != passesKept || oldest != 7 {
		t.Errorf("%d passes from %d on, %v", n, oldest, err)
	}
}

// The fetcher's tests run in a bubble of virtual time, which also fails when a goroutine outlives Close.
func TestInBubble(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		l, err := Open(t.Context(), Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		a, err := l.Acquire(t.Context(), "work")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := a.Commit(ctx, uidl.Change{At: 1, Put: []uidl.Message{row("a")}}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(24 * time.Hour)
		for range a.Messages(t.Context()) {
			break
		}
		if err := errors.Join(l.Check(t.Context()), a.Close(), l.Close()); err != nil {
			t.Error(err)
		}
	})
}
