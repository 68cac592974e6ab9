package delivertest

import (
	"context"
	"slices"
	"sync"

	"github.com/popsync/popsync/deliver"
)

// Batching is a Memory that takes several tickets in one Publish: a deliver.Batched.
type Batching struct {
	*Memory
	Most   int // tickets at once
	Looks  bool
	During func(tickets []deliver.Ticket) []error // what comes of each instead of publishing it; nil for all, or an error of nil: it is published

	mu    sync.Mutex
	sizes []int
}

// BatchOf is Most, and what Looks says.
func (b *Batching) BatchOf(tickets []deliver.Ticket) (n int, looks bool) {
	return max(1, min(b.Most, len(tickets))), b.Looks
}

// Publish publishes each ticket for which During has no error.
func (b *Batching) Publish(ctx context.Context, tickets []deliver.Ticket) []error {
	b.mu.Lock()
	b.sizes = append(b.sizes, len(tickets))
	b.mu.Unlock()
	errs := make([]error, len(tickets))
	if b.During != nil {
		copy(errs, b.During(tickets))
	}
	for i, t := range tickets {
		if errs[i] == nil {
			errs[i] = b.Memory.Publish(ctx, []deliver.Ticket{t})[0]
		}
	}
	return errs
}

// Sizes are how many tickets each Publish had, in order.
func (b *Batching) Sizes() []int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.sizes)
}
