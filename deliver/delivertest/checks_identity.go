package delivertest

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/popsync/popsync/deliver"
)

func identity(t testing.TB, h Harness) {
	b := start(t, h)
	first := b.known
	if first == "" {
		t.Errorf("the identity is empty")
	}
	b.reopen()
	if b.known != first {
		t.Errorf("the identity changed from %q to %q", first, b.known)
	}
	again, err := h.Open(t).Identify(context.Background(), "")
	if err != nil || !deliver.SamePlace(again, first) {
		t.Errorf("met anew, the place is %q, %v, want %q", again, err, first)
	}
}

// identityIsRequired: without Identify nothing may reach a place of which nobody knows whether it is the right one.
func identityIsRequired(t testing.TB, h Harness) {
	b := start(t, h)
	tickets, _ := b.stageN(0, 1)
	b.prepare(tickets)
	target := h.Open(t)
	t.Cleanup(func() { target.Close() })
	var e *deliver.Error
	if s, err := target.Create(context.Background(), message(1)); err == nil {
		s.Abort()
		t.Errorf("Create works before Identify")
	} else if !errors.As(err, &e) {
		t.Errorf("Create before Identify: %v is no *Error", err)
	}
	if err := target.Publish(context.Background(), tickets)[0]; err == nil {
		t.Errorf("Publish works before Identify")
	} else if !errors.As(err, &e) || e.Scope != deliver.WholeTarget {
		t.Errorf("Publish before Identify: %v is not about the whole target", err)
	}
	b.sees("before Identify", nil)
}

func cancelledContext(t testing.TB, h Harness) {
	b := start(t, h)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	tickets, bodies := b.stageN(0, 2)
	if s, err := b.target.Create(ctx, message(2)); err == nil {
		s.Abort()
		t.Errorf("Create ignores its context")
	}
	if err := b.target.Prepare(ctx, tickets[:1]); err == nil {
		t.Errorf("Prepare ignores its context")
	}
	b.prepare(tickets)
	if n := b.target.Batch(); n < len(tickets) {
		tickets, bodies = tickets[:n], bodies[:n]
	}
	for _, err := range b.target.Publish(ctx, tickets) {
		if err == nil {
			t.Errorf("Publish ignores its context")
		}
	}
	b.sees("after a cancelled Publish", nil)
	b.publish(tickets)
	b.sees("after all", bodies)
}

// stagingWhilePreparing is how the fetcher works: the next batch is received while one is made durable.
func stagingWhilePreparing(t testing.TB, h Harness) {
	const rounds, size = 6, 23
	b := start(t, h)
	batches := make(chan []deliver.Ticket)
	var wg sync.WaitGroup
	wg.Go(func() {
		for tickets := range batches {
			if err := b.target.Prepare(context.Background(), tickets); err != nil {
				t.Errorf("Prepare: %v", err)
				continue
			}
			for len(tickets) > 0 {
				n := min(b.target.Batch(), len(tickets))
				for _, err := range b.target.Publish(context.Background(), tickets[:n]) {
					if err != nil {
						t.Errorf("Publish: %v", err)
					}
				}
				tickets = tickets[n:]
			}
		}
	})
	var all []string
	func() {
		defer wg.Wait()
		defer close(batches)
		for r := range rounds {
			tickets, bodies := b.stageN(r*size, size)
			all = append(all, bodies...)
			batches <- tickets
		}
	}()
	b.sees("after all batches", all)
	if h.Places != nil && h.Places(t) != 0 {
		t.Errorf("%d staging places are left", h.Places(t))
	}
}

func freeSpace(t testing.TB, h Harness) {
	b := start(t, h)
	if _, err := b.target.Free(context.Background()); err != nil {
		t.Errorf("Free: %v", err)
	}
}
