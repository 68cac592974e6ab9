package fetcher

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/verdict"
)

// space follows the free space at one destination without asking for every message.
type space struct {
	dest  *destination
	floor int64
	mu    sync.Mutex
	asked int64 // octets of messages asked for and not received yet, as listed
	left  int64 // octets above the floor by the last look, less what was asked for then and since
	known bool
}

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

func (sp *space) look(ctx context.Context) {
	free, err := sp.dest.Target.Free(ctx)
	sp.known = err == nil && free >= 0 // where it cannot be told, writing will tell
	sp.left = free - sp.floor - sp.asked
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
	sp.asked += size
	return true
}

// received tells that a message that was asked for has been dealt with.
func (sp *space) received(size int64) {
	sp.mu.Lock()
	defer sp.mu.Unlock()
	sp.asked -= size
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

// sending tells whether a remote destination is being sent to.
func (d *destination) sending() bool {
	if d.out == nil {
		return false
	}
	idle, _, _ := d.out.idle()
	return !idle
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

// makeRoom is the next step of a person.
func (d *destination) makeRoom() string {
	if d.isRemote() {
		return "repair this destination, so that what waits for it can go, or raise its spool_max"
	}
	return "make room on the destination's filesystem"
}

var errNoSpace = errors.New("not enough free space")

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
