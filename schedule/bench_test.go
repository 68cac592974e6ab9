package schedule

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"
)

// A loop with 100,000 entries that are due every five minutes: setting them all again, one wake-up when nothing is due,
// and one in each second of its life, with the 333 runs that begin and end in it.
func BenchmarkHundredThousand(b *testing.B) {
	now := noon
	var ran sync.WaitGroup
	l := NewLoop(Options{Parallel: 100000, PerHost: 100, Now: func() time.Time { return now }})
	entries := make([]Entry, 100000)
	s := parsed(b, "@every 5m")
	for i := range entries {
		entries[i] = Entry{
			Name: fmt.Sprint(i), Host: fmt.Sprint(i % 5000), Schedule: s, Last: noon.Add(-time.Duration(i) * 3 * time.Millisecond),
			Run: func(context.Context, bool) Result { ran.Done(); return Result{} },
		}
	}
	b.Run("set", func(b *testing.B) {
		for b.Loop() {
			l.Set(entries)
		}
	})
	b.Run("idle", func(b *testing.B) {
		for b.Loop() {
			l.turn(b.Context())
		}
	})
	b.Run("busy", func(b *testing.B) {
		for b.Loop() {
			l.mu.Lock() // the runs of the last second read the clock
			now = now.Add(time.Second)
			l.enqueue(now)
			due := 0
			for _, h := range l.hosts.ready.items {
				due += len(h.waiting.items)
			}
			l.mu.Unlock()
			ran.Add(due)
			l.turn(context.Background())
			ran.Wait()
		}
	})
}
