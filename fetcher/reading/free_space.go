package reading

import (
	"context"
	"fmt"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/fetcher/desk"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/fetcher/verdict"
)

// space is the room at the destinations that every message needs.
type space struct {
	desk   *desk.Desk
	ctx    context.Context
	spaces []*settle.Space
}

// measureSpace looks at every destination that a message needs, once.
func (s *space) measureSpace(ctx context.Context) {
	s.ctx = ctx
	for _, d := range s.desk.Settler.Places {
		if d.Optional || d.Fallback {
			continue // nothing waits for them
		}
		sp := &settle.Space{Dest: d, Floor: s.desk.Options.FreeFloor}
		sp.Look(ctx)
		s.spaces = append(s.spaces, sp)
	}
}

// fits tells whether all destinations have room for a message; one that is too large is skipped, smaller ones go on.
// While there is something to send to a remote destination, the session ends instead: there will be room in the next.
func (s *space) fits(f *plan.FetchStep, begun bool) (fits, end bool) {
	for i, sp := range s.spaces {
		if sp.Take(s.ctx, f.Size) {
			continue
		}
		for _, other := range s.spaces[:i] {
			other.Received(f.Size)
		}
		if sp.Dest.IsRemote() && sp.Dest.PublishFailure() == nil && (begun || sp.Dest.Sending()) {
			s.desk.Haul.Crowd()
			return false, true
		}
		s.desk.Rec.Reason(plan.ReasonNoSpace)
		s.note(f, sp)
		return false, false
	}
	return true, false
}

func (s *space) note(f *plan.FetchStep, sp *settle.Space) {
	err := &deliver.Error{Op: "stage", Place: sp.Dest.Name, Scope: deliver.WholeTarget, Full: true,
		Err:  fmt.Errorf("message of %d octets: %w", f.Size, settle.ErrNoSpace),
		Hint: sp.Dest.MakeRoom() + "; smaller messages go on"}
	s.desk.Rec.Befell(verdict.Of(err))
	s.desk.Rec.Count(func(r *report.Report) { r.Skipped++ })
}

// recheck looks at the free space in the midst of a body: a message may be longer than it was listed, or without end.
func (s *space) recheck(int64) error {
	for _, sp := range s.spaces {
		sp.Mu.Lock()
		sp.Look(s.ctx)
		full := sp.Known && sp.Left+sp.Asked < 0
		sp.Mu.Unlock()
		if full {
			return &deliver.Error{Op: "stage", Place: sp.Dest.Name, Scope: deliver.WholeTarget, Full: true, Err: settle.ErrNoSpace,
				Hint: sp.Dest.MakeRoom()}
		}
	}
	return nil
}
