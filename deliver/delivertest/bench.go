package delivertest

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/popsync/popsync/deliver"
)

// bench is one check's Target with the steps that nearly all checks take.
type bench struct {
	testing.TB
	h      Harness
	target deliver.Target
	known  string // the identity, as a ledger would remember it
}

func start(t testing.TB, h Harness) *bench {
	t.Helper()
	b := &bench{TB: t, h: h}
	b.reopen()
	t.Cleanup(func() { b.target.Close() })
	return b
}

// reopen stands for a crash and a start after it.
func (b *bench) reopen() {
	b.Helper()
	b.target = b.h.Open(b.TB)
	known, err := b.target.Identify(context.Background(), b.known)
	if err != nil {
		b.Fatalf("Identify(%q): %v", b.known, err)
	}
	b.known = known
}

func message(i int) deliver.Message {
	return deliver.Message{Account: "work", UID: fmt.Sprintf("uid-%d", i), Size: 100}
}

func body(i int) string { return fmt.Sprintf("Subject: message %d\r\n\r\nnumber %d\r\n", i, i) }

// stage stages a body in pieces of at most n octets.
func (b *bench) stage(m deliver.Message, text string, n int) deliver.Ticket {
	b.Helper()
	s, err := b.target.Create(context.Background(), m)
	if err != nil {
		b.Fatalf("Create: %v", err)
	}
	for len(text) > 0 {
		piece := text[:min(n, len(text))]
		text = text[len(piece):]
		if k, err := s.Write([]byte(piece)); err != nil || k != len(piece) {
			b.Fatalf("Write of %d octets: %d, %v", len(piece), k, err)
		}
	}
	ticket, err := s.Ticket()
	if err != nil {
		b.Fatalf("Ticket: %v", err)
	}
	s.Abort() // does nothing any more
	return ticket
}

// stageN stages n messages, numbered from first.
func (b *bench) stageN(first, n int) (tickets []deliver.Ticket, bodies []string) {
	b.Helper()
	for i := range n {
		tickets = append(tickets, b.stage(message(first+i), body(first+i), 1<<16))
		bodies = append(bodies, b.h.stored(body(first+i)))
	}
	return tickets, bodies
}

func (b *bench) prepare(tickets []deliver.Ticket) {
	b.Helper()
	if err := b.target.Prepare(context.Background(), tickets); err != nil {
		b.Fatalf("Prepare: %v", err)
	}
}

// results publishes in portions of Batch.
func (b *bench) results(tickets []deliver.Ticket) []error {
	b.Helper()
	n := b.target.Batch()
	if n < 1 {
		b.Fatalf("Batch is %d", n)
	}
	var errs []error
	for part := range slices.Chunk(tickets, n) {
		got := b.target.Publish(context.Background(), part)
		if len(got) != len(part) {
			b.Fatalf("Publish answered for %d of %d tickets", len(got), len(part))
		}
		errs = append(errs, got...)
	}
	return errs
}

func (b *bench) publish(tickets []deliver.Ticket) {
	b.Helper()
	for i, err := range b.results(tickets) {
		if err != nil {
			b.Fatalf("Publish, ticket %d: %v", i, err)
		}
	}
}

// sees compares what is visible with what should be, as a multiset.
func (b *bench) sees(when string, want []string) {
	b.Helper()
	got := slices.Clone(b.h.Visible(b.TB))
	want = slices.Clone(want)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		b.Errorf("%s: %d messages are visible, want %d: %s", when, len(got), len(want), clip(fmt.Sprintf("%q, want %q", got, want)))
	}
}

func clip(s string) string {
	if len(s) > 400 {
		return s[:400] + "..."
	}
	return s
}
