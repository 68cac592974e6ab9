package sqlite

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/popsync/popsync/uidl"
)

const benchDay = 20_000 * secondsPerDay

func uidOf(i int) string {
	s := sha256.Sum256(fmt.Appendf(nil, "uid %d", i))
	return hex.EncodeToString(s[:10])
}

func fullMessage(i int) uidl.Message {
	return uidl.Message{
		Row:    uidl.Row{Key: uidl.Key{UID: uidOf(i)}, State: uidl.Delivered, Size: int64(2000 + i), FirstSeen: benchDay, Facts: uidl.Facts{Have: uidl.PlaceOf(0)}},
		Octets: int64(2000 + i), SHA256: sha256.Sum256(fmt.Append(nil, i)), Fingerprint: uidl.Fingerprint{byte(i), byte(i >> 8), 1},
	}
}

// bigLedger makes a ledger with n kept messages of account "big".
func bigLedger(tb testing.TB, n int) (dir string) {
	tb.Helper()
	dir = tb.TempDir()
	l, err := Open(context.Background(), Options{Dir: dir})
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	a, err := l.Acquire(context.Background(), "big")
	if err != nil {
		tb.Fatal(err)
	}
	defer a.Close()
	var c uidl.Change
	for i := range n {
		c.Put = append(c.Put, fullMessage(i))
	}
	c.At, c.Listed = benchDay, true
	c.Destinations = []uidl.Destination{{Name: "maildir", Role: uidl.Required}}
	if err := a.Commit(context.Background(), c); err != nil {
		tb.Fatal(err)
	}
	return dir
}

func openAccount(tb testing.TB, dir string) uidl.Account {
	tb.Helper()
	l, err := Open(context.Background(), Options{Dir: dir})
	if err != nil {
		tb.Fatal(err)
	}
	a, err := l.Acquire(context.Background(), "big")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { a.Close(); l.Close() })
	return a
}

func BenchmarkMessages100k(b *testing.B) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	a := openAccount(b, bigLedger(b, 100_000))
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for _, err := range a.Messages(ctx) {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if n != 100_000 {
			b.Fatal(n)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	dir := bigLedger(b, 100_000)
	for b.Loop() {
		l, err := Open(context.Background(), Options{Dir: dir})
		if err != nil {
			b.Fatal(err)
		}
		if err := l.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpenAcquireClose(b *testing.B) {
	dir := bigLedger(b, 100_000)
	for b.Loop() {
		l, err := Open(context.Background(), Options{Dir: dir})
		if err != nil {
			b.Fatal(err)
		}
		a, err := l.Acquire(context.Background(), "big")
		if err != nil {
			b.Fatal(err)
		}
		a.Close()
		if err := l.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSummaries100k(b *testing.B) {
	a := openAccount(b, bigLedger(b, 100_000))
	for b.Loop() {
		if _, err := a.(*account).l.Summaries(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheck100k(b *testing.B) {
	a := openAccount(b, bigLedger(b, 100_000))
	for b.Loop() {
		if err := a.(*account).l.Check(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPurge100k(b *testing.B) {
	a := openAccount(b, bigLedger(b, 100_000))
	for b.Loop() {
		if err := a.Commit(context.Background(), uidl.Change{At: benchDay, Purge: true}); err != nil {
			b.Fatal(err)
		}
	}
}

// One batch of 500: its intent, then its outcome, into a ledger of 100,000.
func BenchmarkBatch500(b *testing.B) {
	a := openAccount(b, bigLedger(b, 100_000))
	n := 100_000
	var intent, outcome time.Duration
	for b.Loop() {
		var in, out uidl.Change
		in.At, out.At = benchDay, benchDay
		for range 500 {
			m := fullMessage(n)
			m.State, m.Have = uidl.Wanted, 0
			n++
			in.Put = append(in.Put, m)
			in.Stage = append(in.Stage, uidl.Delivery{Key: m.Key, Destination: "maildir", State: uidl.Publishing, Ticket: m.UID + ",S=1000,crc"})
			out.Settle = append(out.Settle, uidl.Settled{Key: m.Key, Destination: "maildir", As: uidl.Had, State: uidl.Delivered})
		}
		t := time.Now()
		if err := a.Commit(context.Background(), in); err != nil {
			b.Fatal(err)
		}
		intent += time.Since(t)
		t = time.Now()
		if err := a.Commit(context.Background(), out); err != nil {
			b.Fatal(err)
		}
		outcome += time.Since(t)
	}
	b.ReportMetric(float64(intent.Milliseconds())/float64(b.N), "ms/intent")
	b.ReportMetric(float64(outcome.Milliseconds())/float64(b.N), "ms/outcome")
}

// fileSizes is the size of the database with its write-ahead log.
func fileSizes(tb testing.TB, dir string) (n int64) {
	tb.Helper()
	for _, name := range []string{databaseName, databaseName + "-wal"} {
		if fi, err := os.Stat(filepath.Join(dir, name)); err == nil {
			n += fi.Size()
		}
	}
	return n
}
