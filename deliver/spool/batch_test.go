package spool_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/delivertest"
	"github.com/popsync/popsync/deliver/spool"
)

// batching is an identified spool over a mailbox in memory that can be looked at.
type batching struct {
	*spool.Target
	t     *testing.T
	box   *delivertest.MemoryMailbox
	bench delivertest.LookerBench
	root  string
	known string
}

func newBatching(t *testing.T) *batching {
	b := &batching{t: t, box: delivertest.NewMemoryMailbox(), root: filepath.Join(t.TempDir(), "spool")}
	b.bench = b.box.Bench(nil)
	b.restart()
	b.Remind(nil, false)
	return b
}

// restart opens the spool as another process would.
func (b *batching) restart() {
	sender := delivertest.MemoryBatcher{MemoryLooker: &delivertest.MemoryLooker{Box: b.box}}
	b.Target = spool.New(spool.Options{Root: b.root, Where: "box", Account: "work", Destination: "box", Sender: sender})
	opened := b.Target
	b.t.Cleanup(func() { opened.Close() })
	known, err := b.Identify(b.t.Context(), b.known)
	must(b.t, err)
	must(b.t, b.Sweep(nil))
	b.known = known
}

func (b *batching) stage(from, to int, pad int) (tickets []deliver.Ticket) {
	for i := from; i <= to; i++ {
		s, err := b.Create(b.t.Context(), deliver.Message{Account: "work", UID: fmt.Sprint(i)})
		must(b.t, err)
		_, err = fmt.Fprintf(s, "Message-ID: <%d@x>\r\n\r\n%s\r\n", i, strings.Repeat("x", pad))
		must(b.t, err)
		ticket, err := s.Ticket()
		must(b.t, err)
		tickets = append(tickets, ticket)
	}
	must(b.t, b.Prepare(b.t.Context(), tickets))
	return tickets
}

// Batches are as large as the Sender says, but not too large, and of one kind.
func TestBatchOf(t *testing.T) {
	b := newBatching(t)
	small, large := b.stage(1, 15, 100), b.stage(16, 20, 3<<20)
	if n, looks := b.BatchOf(small); n != 1 || looks {
		t.Errorf("before looking is proved: %d, %v", n, looks)
	}
	must(t, b.Publish(t.Context(), small[:1])[0])
	for name, tt := range map[string]struct {
		tickets []deliver.Ticket
		want    int
	}{
		"small":        {small[1:], 10},
		"few":          {small[1:4], 3},
		"one":          {small[1:2], 1},
		"large":        {large, 2},
		"large first":  {append(large[:1:1], small[1:]...), 10},
		"no ticket":    {append(small[1:3:3], "what"), 2},
		"only that":    {[]deliver.Ticket{"what", small[1]}, 1},
		"sent already": {small[:4], 4},
	} {
		if n, looks := b.BatchOf(tt.tickets); n != tt.want || looks {
			t.Errorf("%s: %d, %v, want %d", name, n, looks, tt.want)
		}
	}
	b.bench.LoseLater(1, true)
	errs := b.Publish(t.Context(), small[1:5])
	for i, err := range errs {
		var e *deliver.Error
		if i == 0 && err != nil || i > 0 && (!errors.As(err, &e) || !e.Uncertain) {
			t.Errorf("%d: %v", i, err)
		}
	}
	if n, looks := b.BatchOf(small[2:]); n != 3 || !looks {
		t.Errorf("three that are in doubt and others: %d, %v", n, looks)
	}
	if n, looks := b.BatchOf(small[4:]); n != 1 || looks {
		t.Errorf("one that is in doubt and others: %d, %v", n, looks)
	}
	if n, looks := b.BatchOf(small[5:]); n != 10 || looks {
		t.Errorf("those behind them: %d, %v", n, looks)
	}
	errs = b.Publish(t.Context(), small[2:5])
	if errs[0] != nil || !errors.Is(errs[1], deliver.ErrUntried) || !errors.Is(errs[2], deliver.ErrUntried) {
		t.Errorf("looked for: %v", errs)
	}
	for _, ticket := range small[3:5] {
		must(t, b.Publish(t.Context(), []deliver.Ticket{ticket})[0])
	}
	if got := b.bench.Arrived(t); len(got) != 5 {
		t.Errorf("%d arrived, want 5: %.300q", len(got), got)
	}
}

// What is wrong with one copy of a batch is wrong with it alone.
func TestBatchOfOdd(t *testing.T) {
	b := newBatching(t)
	tickets := b.stage(1, 6, 100)
	must(t, b.Publish(t.Context(), tickets[:1])[0])
	file := func(i int) string {
		return filepath.Join(b.root, strings.Fields(b.known)[1], strings.Fields(string(tickets[i]))[1])
	}
	must(t, os.WriteFile(file(2), []byte("something else"), 0o600))
	must(t, os.Remove(file(4)))
	errs := b.Publish(t.Context(), append(slices.Clone(tickets), "what"))
	for i, want := range []error{nil, nil, deliver.ErrDamaged, nil, deliver.ErrUnknown, nil} {
		if !errors.Is(errs[i], want) || want == nil && errs[i] != nil {
			t.Errorf("%d: %v, want %v", i, errs[i], want)
		}
	}
	var e *deliver.Error
	if !errors.As(errs[6], &e) || !e.Permanent {
		t.Errorf("no ticket: %v", errs[6])
	}
	if got := b.bench.Arrived(t); len(got) != 4 {
		t.Errorf("%d arrived: %q", len(got), got)
	}
}

// panicking is a Sender whose batches fail by a fault of ours.
type panicking struct {
	delivertest.MemoryBatcher
	few bool
}

func (p panicking) SendBatch(context.Context, []deliver.Outgoing) []error {
	if p.few {
		return nil
	}
	panic("oh")
}

// Of a batch whose Sender fails in a way of which nobody knows anything, all is in doubt.
func TestBatchPanics(t *testing.T) {
	for _, few := range []bool{true, false} {
		b := newBatching(t)
		sender := panicking{delivertest.MemoryBatcher{MemoryLooker: &delivertest.MemoryLooker{Box: b.box}}, few}
		b.Target = spool.New(spool.Options{Root: b.root, Where: "box", Account: "work", Destination: "box", Sender: sender})
		_, err := b.Identify(t.Context(), b.known)
		must(t, err)
		for i, err := range b.Publish(t.Context(), b.stage(1, 3, 10)) {
			var e *deliver.Error
			if !errors.As(err, &e) || !e.Uncertain {
				t.Errorf("%d: %v", i, err)
			}
		}
		b.Close()
	}
}
