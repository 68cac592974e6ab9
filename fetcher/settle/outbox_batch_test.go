package settle

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/delivertest"
	"github.com/popsync/popsync/uidl"
)

// batchBench is an outbox of a destination that takes batches.
func batchBench(t *testing.T, n, most int, during func(b *outboxBench, tickets []deliver.Ticket) []error) (*outboxBench, *delivertest.Batching) {
	b := newOutboxBench(t, n, 1, nil)
	target := &delivertest.Batching{Memory: b.m, Most: most}
	if during != nil {
		target.During = func(tickets []deliver.Ticket) []error { return during(b, tickets) }
	}
	b.place.Target = target
	return b, target
}

// A batch is 'publishing' in one commit, and settled in the one that makes the next so.
func TestBatchStates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, target := batchBench(t, 10, 4, func(b *outboxBench, tickets []deliver.Ticket) []error {
			publishing := 0
			for _, s := range b.states() {
				if s[len(s)-len(fmt.Sprint(uidl.Publishing)):] == fmt.Sprint(uidl.Publishing) {
					publishing++
				}
			}
			if publishing != len(tickets) {
				b.t.Errorf("%d are published, and %d are 'publishing'", len(tickets), publishing)
			}
			return nil
		})
		b.send(1, 10)
		b.over(nil, 10, 0)
		if got := target.Sizes(); !slices.Equal(got, []int{4, 4, 2}) {
			t.Errorf("batches of %d", got)
		}
	})
}

// What was not tried comes back, 'staged' and charged to nobody, and goes alone then.
func TestBatchUntried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, target := batchBench(t, 6, 6, func(b *outboxBench, tickets []deliver.Ticket) []error {
			if len(tickets) == 1 {
				return nil
			}
			errs := make([]error, len(tickets))
			for i := 2; i < len(errs); i++ {
				errs[i] = fmt.Errorf("x: %w", deliver.ErrUntried)
			}
			return errs
		})
		b.send(1, 6)
		b.over(nil, 6, 0)
		if got := target.Sizes(); !slices.Equal(got, []int{6, 1, 1, 1, 1}) {
			t.Errorf("batches of %d", got)
		}
	})
	synctest.Test(t, func(t *testing.T) { // a Target that never tries fails, and is not asked for ever
		b, _ := batchBench(t, 3, 3, func(_ *outboxBench, tickets []deliver.Ticket) []error {
			errs := make([]error, len(tickets))
			for i := range errs {
				errs[i] = deliver.ErrUntried
			}
			return errs
		})
		b.send(1, 3)
		b.over(nil, 0, 2)
		if b.place.PublishFailure() == nil {
			t.Error("the destination is said to work")
		}
		rows, err := b.ledger.Pending(t.Context())
		for _, row := range rows {
			if row.State != uidl.Staged || row.Attempts+row.InDoubt != 0 {
				t.Errorf("%+v", row)
			}
		}
		if err != nil || len(rows) != 3 {
			t.Errorf("%d rows, %v", len(rows), err)
		}
	})
}

// What is only looked for stays 'staged', so that a crash leaves nothing new in doubt; what is there is settled.
func TestBatchLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, target := batchBench(t, 6, 4, func(b *outboxBench, tickets []deliver.Ticket) []error {
			for _, s := range b.states() {
				if is := s[2:] == fmt.Sprint(uidl.Publishing); is && len(tickets) > 1 {
					b.t.Errorf("%s, and nothing is sent", s)
				}
			}
			errs := make([]error, len(tickets))
			if len(tickets) > 1 {
				errs[1] = deliver.ErrUntried
			}
			return errs
		})
		target.Looks = true
		b.send(1, 6)
		b.over(nil, 6, 0)
		if got := target.Sizes(); !slices.Equal(got, []int{4, 2, 1, 1}) {
			t.Errorf("batches of %d", got)
		}
	})
}

// A connection that breaks leaves those in doubt that it should, once.
func TestBatchInDoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := batchBench(t, 5, 5, func(_ *outboxBench, tickets []deliver.Ticket) []error {
			errs := make([]error, len(tickets))
			for i := 1; i < 3; i++ {
				errs[i] = &deliver.Error{Scope: deliver.WholeTarget, Uncertain: true, Err: errors.New("cut")}
			}
			for i := 3; i < len(errs); i++ {
				errs[i] = deliver.ErrUntried
			}
			return errs
		})
		b.send(1, 5)
		b.over(nil, 1, 2)
		rows, err := b.ledger.Pending(t.Context())
		doubts := map[string]int{}
		for _, row := range rows {
			doubts[row.UID] = row.InDoubt
			if row.State != uidl.Staged {
				t.Errorf("%+v", row)
			}
		}
		if err != nil || fmt.Sprint(doubts) != "map[2:1 3:1 4:0 5:0]" {
			t.Errorf("%v, %v", doubts, err)
		}
	})
}

// One message of a batch that is refused for now is charged with that, as those behind it were taken, or came after it.
func TestBatchRefused(t *testing.T) {
	for _, n := range []int{3, 6} {
		batchRefused(t, n)
	}
}

func batchRefused(t *testing.T, n int) {
	synctest.Test(t, func(t *testing.T) {
		refuse := true
		b, _ := batchBench(t, n, 3, func(_ *outboxBench, tickets []deliver.Ticket) []error {
			errs := make([]error, len(tickets))
			if refuse {
				errs[0] = &deliver.Error{Err: errors.New("not now")}
				refuse = false
			}
			return errs
		})
		b.send(1, n)
		b.over(nil, n-1, 0)
		if err := b.unanswered(t.Context()); err != nil {
			t.Error(err)
		}
		rows, err := b.ledger.Pending(t.Context())
		if err != nil || len(rows) != 1 || rows[0].UID != "1" || rows[0].Attempts != 1 || b.place.PublishFailure() != nil {
			t.Errorf("%+v, %v, %v", rows, err, b.place.PublishFailure())
		}
	})
}
