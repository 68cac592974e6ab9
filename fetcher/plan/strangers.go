package plan

import (
	"slices"

	"github.com/popsync/popsync/uidl"
)

// Picked are some of the messages of a plan, by number. It is good until the plan changes.
type Picked struct {
	p  *Plan
	at []int32 // in Fetch, then Skipped, Question, Back
}

// Len is how many there are.
func (q Picked) Len() int { return len(q.at) }

// At is the i-th message.
func (q Picked) At(i int) Entry {
	f, k := q.p.place(q.at[i])
	switch {
	case f != nil:
		return f.Entry
	case k < len(q.p.Question):
		return q.p.Question[k].Entry
	}
	return q.p.Back.At(k - len(q.p.Question)).Entry
}

// num is the number of a message that is picked.
func (q Picked) num(at int32) int {
	f, k := q.p.place(at)
	switch {
	case f != nil:
		return f.Num
	case k < len(q.p.Question):
		return q.p.Question[k].Num
	}
	return q.p.Back.Num(k - len(q.p.Question))
}

// Known tells of the i-th message that it may have been delivered before: its unique-id was, or it was held back.
func (q Picked) Known(i int) bool {
	f, _ := q.p.place(q.at[i])
	return f == nil
}

// Part are the messages from i up to n.
func (q Picked) Part(i, n int) Picked { return Picked{q.p, q.at[i:n]} }

// Of are those whose unique-id is wanted. A message stays out if that unique-id is one of popsync's own already, so that it may be
// another message, and one that a person asked for again.
func (q Picked) Of(wanted func(uid string) bool) Picked {
	out := Picked{p: q.p}
	for i, at := range q.at {
		f, k := q.p.place(at)
		open := f == nil && k >= len(q.p.Question) || f != nil && !f.Compare && !AskedAgain(f.Row)
		if open && wanted(q.At(i).Key.UID) {
			out.at = append(out.at, at)
		}
	}
	return out
}

// Adopt notes that the i-th message is known, and not to be fetched.
func (q Picked) Adopt(i int) {
	if f, _ := q.p.place(q.at[i]); f != nil {
		f.adopted = true
	}
}

// sort puts them by number.
func (q Picked) sort() Picked {
	slices.SortFunc(q.at, func(a, b int32) int { return q.num(a) - q.num(b) })
	return q
}

// place is where a message stands: a step that fetches or skips it, or behind how many of the known it is.
func (p *Plan) place(at int32) (f *FetchStep, known int) {
	n := int(at)
	if n < len(p.Fetch) {
		return &p.Fetch[n], 0
	}
	if n -= len(p.Fetch); n < len(p.Skipped) {
		return &p.Skipped[n], 0
	}
	return nil, n - len(p.Skipped)
}

// DropAdopted takes out of the plan what is known, and gives its memory back.
func (p *Plan) DropAdopted() {
	known := func(f FetchStep) bool { return f.adopted }
	p.Fetch = slices.Clone(slices.DeleteFunc(p.Fetch, known))
	p.Skipped = slices.DeleteFunc(p.Skipped, known)
}

// Unknown are the messages that may have been delivered under another unique-id. One that is asked for again was delivered under
// its own.
func (p *Plan) Unknown() Picked {
	out := Picked{p: p, at: make([]int32, 0, len(p.Fetch))}
	for i := range p.Fetch {
		if f := &p.Fetch[i]; !f.Owed && !f.Compare && !f.Nameless && !AskedAgain(f.Row) {
			out.at = append(out.at, int32(i))
		}
	}
	for i := range p.Skipped {
		if f := &p.Skipped[i]; f.Reason.Is(ReasonTooLarge) && f.Row.State == 0 {
			out.at = append(out.at, int32(len(p.Fetch)+i))
		}
	}
	return out.sort()
}

// Strangers counts unknown messages that no row says anything of, but perhaps that they could not be retrieved yet. What a
// person asked for again is none: however many there are, they are no flood.
func (p *Plan) Strangers() int {
	n := 0
	for _, f := range p.Fetch {
		if (f.Row.State == 0 || f.Row.State == uidl.Wanted && !AskedAgain(f.Row) || f.Returned() || f.displaced()) && !f.Owed && !f.Compare && !f.Nameless {
			n++
		}
	}
	return n
}

// Spread picks up to n numbers, evenly over all.
func (q Picked) Spread(n int) []int {
	n = min(n, len(q.at))
	nums := make([]int, n)
	for i := range nums {
		nums[i] = q.num(q.at[i*len(q.at)/n])
	}
	return nums
}

// Seen are the messages that a baseline marks.
func (p *Plan) Seen() Picked {
	out := Picked{p: p, at: make([]int32, 0, len(p.Fetch)+len(p.Question)+p.Back.Len())}
	for i := range p.Fetch {
		if !p.Fetch[i].Owed {
			out.at = append(out.at, int32(i))
		}
	}
	known := len(p.Fetch) + len(p.Skipped)
	mark := func(i int, state uidl.State) {
		if state != uidl.Wanted && state != uidl.Parked { // else it is on its way
			out.at = append(out.at, int32(known+i))
		}
	}
	for i := range p.Question {
		mark(i, p.Question[i].Row.State)
	}
	for i := range p.Back.Len() {
		mark(len(p.Question)+i, uidl.Held)
	}
	return out.sort()
}
