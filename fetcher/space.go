package fetcher

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/popsync/popsync/deliver"
)

// space follows the free space at one destination without asking for every message.
type space struct {
	dest  *destination
	floor int64
	mu    sync.Mutex
	left  int64 // octets above the floor by the last look, less what was asked for since; negative floor: unknown
	known bool
}

// measureSpace looks at every destination once.
func (s *session) measureSpace(ctx context.Context) []*space {
	var all []*space
	for _, d := range s.dests {
		sp := &space{dest: d, floor: s.o.FreeFloor}
		sp.look(ctx)
		all = append(all, sp)
	}
	return all
}

func (sp *space) look(ctx context.Context) {
	free, err := sp.dest.Target.Free(ctx)
	sp.known = err == nil && free >= 0 // where it cannot be told, writing will tell
	sp.left = free - sp.floor
}

// take sets size octets aside; false when the destination would fall below its floor.
func (sp *space) take(ctx context.Context, size int64) bool {
	sp.mu.Lock()
	defer sp.mu.Unlock()
	if sp.known && sp.left < size {
		sp.look(ctx)
	}
	if sp.known && sp.left < size {
		return false
	}
	sp.left -= size
	return true
}

// fits tells whether all destinations have room for a message; one that is too large is skipped, smaller ones go on.
func (r *reader) fits(f *fetchStep) bool {
	for _, sp := range r.spaces {
		if !sp.take(r.ctx, f.size) {
			r.reason(reasonNoSpace)
			r.note(f, sp)
			return false
		}
	}
	return true
}

func (r *reader) note(f *fetchStep, sp *space) {
	err := &deliver.Error{Op: "stage", Place: sp.dest.Name, Scope: deliver.WholeTarget, Full: true,
		Err:  fmt.Errorf("message of %d octets: %w", f.size, errNoSpace),
		Hint: "make room on the destination's filesystem; smaller messages go on"}
	r.mu.Lock()
	r.worst = append(r.worst, verdictOf(err))
	r.rep.Skipped++
	r.mu.Unlock()
}

var errNoSpace = errors.New("not enough free space")

// recheck looks at the free space in the midst of a body: a message may be longer than it was listed, or without end.
func (r *reader) recheck(int64) error {
	for _, sp := range r.spaces {
		sp.mu.Lock()
		sp.look(r.ctx)
		full := sp.known && sp.left < 0
		sp.mu.Unlock()
		if full {
			return &deliver.Error{Op: "stage", Place: sp.dest.Name, Scope: deliver.WholeTarget, Full: true, Err: errNoSpace,
				Hint: "make room on the destination's filesystem"}
		}
	}
	return nil
}
