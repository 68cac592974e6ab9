package desk

import "github.com/popsync/popsync/fetcher/plan"

// Used is what a pass has used of what its policy lets it fetch: see plan.Policy.
type Used struct {
	New    int   // RETRs of new messages
	Any    int   // RETRs
	Octets int64 // of these, as listed, and of those that came as received
}

// Full tells whether another message is too much. One always goes, be it ever so large.
func (u Used) Full(p *plan.Policy, size int64, isNew bool) bool {
	return isNew && p.Limit > 0 && u.New >= p.Limit || u.fullSize(p, size)
}

func (u Used) fullSize(p *plan.Policy, size int64) bool {
	return p.LimitSize > 0 && u.Any > 0 && (u.Octets >= p.LimitSize || size > p.LimitSize-u.Octets)
}

// With is what is used when one more is asked for.
func (u Used) With(size int64, isNew bool) Used {
	u.New, u.Any, u.Octets = u.New+Count(isNew), u.Any+1, u.Octets+size
	return u
}

// Less is what is used without u.
func (u Used) Less(v Used) Used { return Used{u.New - v.New, u.Any - v.Any, u.Octets - v.Octets} }

// Admit tells whether the person's limits let another message in, and counts it.
func (h *Haul) Admit(p *plan.Policy, size int64, isNew bool) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.full(p, size, isNew) {
		return false
	}
	h.used = h.used.With(size, isNew)
	return true
}

// full notes, too, whether it is the octets that are used up; h.mu is held.
func (h *Haul) full(p *plan.Policy, size int64, isNew bool) bool {
	h.atLimit = h.atLimit || h.used.fullSize(p, size)
	return h.used.Full(p, size, isNew)
}

// MayCome tells whether they would let a message in that counts only once it was read and is new: what is read in vain in every pass would
// use them up.
func (h *Haul) MayCome(p *plan.Policy, size int64, isNew bool) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.full(p, size, isNew)
}

// Uncount gives back to the limits what was asked for and not concluded.
func (h *Haul) Uncount(u Used) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.used = h.used.Less(u)
}

// Weigh corrects the octets of a message that was let in by those that came.
func (h *Haul) Weigh(listed, came int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.used.Octets += came - listed
}

// AtLimitSize tells whether a message was left for the next pass because of the octets of this one.
func (h *Haul) AtLimitSize() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.atLimit
}

// Received are the messages that were received whole, and what the limits have let in.
func (h *Haul) Received() (all Tally, used Used) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.whole, h.used
}
