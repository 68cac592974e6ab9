package fetcher

import (
	"context"
	"fmt"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/fetcher/verdict"
)

// measureSpace looks at every destination that a message needs, once.
func (s *session) measureSpace(ctx context.Context) []*settle.Space {
	var all []*settle.Space
	for _, d := range s.Places {
		if d.Optional || d.Fallback {
			continue // nothing waits for them
		}
		sp := &settle.Space{Dest: d, Floor: s.o.FreeFloor}
		sp.Look(ctx)
		all = append(all, sp)
	}
	return all
}

// fits tells whether all destinations have room for a message; one that is too large is skipped, smaller ones go on.
// While there is something to send to a remote destination, the session ends instead: there will be room in the next.
func (r *reader) fits(f *plan.FetchStep) (fits, end bool) {
	for i, sp := range r.spaces {
		if sp.Take(r.ctx, f.Size) {
			continue
		}
		for _, other := range r.spaces[:i] {
			other.Received(f.Size)
		}
		if sp.Dest.IsRemote() && sp.Dest.PublishFailure() == nil && (r.retrs > 0 || sp.Dest.Sending()) {
			r.haul.crowd()
			return false, true
		}
		r.rec.Reason(plan.ReasonNoSpace)
		r.note(f, sp)
		return false, false
	}
	return true, false
}

func (r *reader) note(f *plan.FetchStep, sp *settle.Space) {
	err := &deliver.Error{Op: "stage", Place: sp.Dest.Name, Scope: deliver.WholeTarget, Full: true,
		Err:  fmt.Errorf("message of %d octets: %w", f.Size, settle.ErrNoSpace),
		Hint: sp.Dest.MakeRoom() + "; smaller messages go on"}
	r.rec.Befell(verdict.Of(err))
	r.rec.Count(func(r *report.Report) { r.Skipped++ })
}

// recheck looks at the free space in the midst of a body: a message may be longer than it was listed, or without end.
func (r *reader) recheck(int64) error {
	for _, sp := range r.spaces {
		sp.Mu.Lock()
		sp.Look(r.ctx)
		full := sp.Known && sp.Left+sp.Asked < 0
		sp.Mu.Unlock()
		if full {
			return &deliver.Error{Op: "stage", Place: sp.Dest.Name, Scope: deliver.WholeTarget, Full: true, Err: settle.ErrNoSpace,
				Hint: sp.Dest.MakeRoom()}
		}
	}
	return nil
}
