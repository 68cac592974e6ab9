package fetcher

import (
	"context"
	"fmt"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/verdict"
)

// measureSpace looks at every destination that a message needs, once.
func (s *session) measureSpace(ctx context.Context) []*space {
	var all []*space
	for _, d := range s.dests {
		if d.Optional || d.Fallback {
			continue // nothing waits for them
		}
		sp := &space{dest: d, floor: s.o.FreeFloor}
		sp.look(ctx)
		all = append(all, sp)
	}
	return all
}

// fits tells whether all destinations have room for a message; one that is too large is skipped, smaller ones go on.
// While there is something to send to a remote destination, the session ends instead: there will be room in the next.
func (r *reader) fits(f *plan.FetchStep) (fits, end bool) {
	for i, sp := range r.spaces {
		if sp.take(r.ctx, f.Size) {
			continue
		}
		for _, other := range r.spaces[:i] {
			other.received(f.Size)
		}
		if sp.dest.isRemote() && sp.dest.publishFailure() == nil && (r.retrs > 0 || sp.dest.sending()) {
			r.mu.Lock()
			r.full = true
			r.mu.Unlock()
			return false, true
		}
		r.reason(plan.ReasonNoSpace)
		r.note(f, sp)
		return false, false
	}
	return true, false
}

func (r *reader) note(f *plan.FetchStep, sp *space) {
	err := &deliver.Error{Op: "stage", Place: sp.dest.Name, Scope: deliver.WholeTarget, Full: true,
		Err:  fmt.Errorf("message of %d octets: %w", f.Size, errNoSpace),
		Hint: sp.dest.makeRoom() + "; smaller messages go on"}
	r.mu.Lock()
	r.worst = append(r.worst, verdict.Of(err))
	r.rep.Skipped++
	r.mu.Unlock()
}

// recheck looks at the free space in the midst of a body: a message may be longer than it was listed, or without end.
func (r *reader) recheck(int64) error {
	for _, sp := range r.spaces {
		sp.mu.Lock()
		sp.look(r.ctx)
		full := sp.known && sp.left+sp.asked < 0
		sp.mu.Unlock()
		if full {
			return &deliver.Error{Op: "stage", Place: sp.dest.Name, Scope: deliver.WholeTarget, Full: true, Err: errNoSpace,
				Hint: sp.dest.makeRoom()}
		}
	}
	return nil
}
