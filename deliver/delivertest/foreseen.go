package delivertest

import (
	"context"
	"sync"

	"github.com/popsync/popsync/deliver"
)

// Foreseeing is a Memory that can make ready for a message while it publishes another: a deliver.Foreseer.
type Foreseeing struct {
	*Memory
	Log    *Foreseen
	During func(t, next deliver.Ticket) error // nil, or what comes of publishing t instead of publishing it
}

// Foreseen is what was published, and before what. The zero value is ready; it may be used by several goroutines.
type Foreseen struct {
	mu    sync.Mutex
	pairs [][2]deliver.Ticket
}

// PublishBefore publishes t, and writes down which one comes after it; "" when nothing is said.
func (f Foreseeing) PublishBefore(ctx context.Context, t, next deliver.Ticket) error {
	f.Log.mu.Lock()
	f.Log.pairs = append(f.Log.pairs, [2]deliver.Ticket{t, next})
	f.Log.mu.Unlock()
	if f.During != nil {
		if err := f.During(t, next); err != nil {
			return err
		}
	}
	return f.Memory.Publish(ctx, []deliver.Ticket{t})[0]
}

// Publish publishes tickets of which nothing was foreseen.
func (f Foreseeing) Publish(ctx context.Context, tickets []deliver.Ticket) []error {
	errs := make([]error, len(tickets))
	for i, t := range tickets {
		errs[i] = f.PublishBefore(ctx, t, "")
	}
	return errs
}

// Published are the tickets that were published, in order.
func (f *Foreseen) Published() (all []deliver.Ticket) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.pairs {
		all = append(all, p[0])
	}
	return all
}

// Announced are the tickets of which it was said that they come next, in order.
func (f *Foreseen) Announced() (all []deliver.Ticket) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.pairs {
		if p[1] != "" {
			all = append(all, p[1])
		}
	}
	return all
}
