package plan

import (
	"slices"

	"github.com/popsync/popsync/uidl"
)

// Unknown are the messages that may have been delivered under another unique-id, by number. One that is asked for again was
// delivered under its own.
func (p *Plan) Unknown() []Entry {
	var out []Entry
	for _, f := range p.Fetch {
		if !f.Owed && !f.Compare && !f.Nameless && !AskedAgain(f.Row) {
			out = append(out, f.Entry)
		}
	}
	for _, f := range p.Skipped {
		if f.Reason == ReasonTooLarge && f.Row.State == 0 {
			out = append(out, f.Entry)
		}
	}
	slices.SortFunc(out, func(a, b Entry) int { return a.Num - b.Num })
	return out
}

// Strangers counts unknown messages that no row says anything of, but perhaps that they could not be retrieved yet. What a
// person asked for again is none: however many there are, they are no flood.
func (p *Plan) Strangers() int {
	n := 0
	for _, f := range p.Fetch {
		if (f.Row.State == 0 || f.Row.State == uidl.Wanted && !AskedAgain(f.Row) || f.Returned()) && !f.Owed && !f.Compare && !f.Nameless {
			n++
		}
	}
	return n
}

// Spread picks up to n numbers, evenly over the listing.
func Spread(from []Entry, n int) []int {
	n = min(n, len(from))
	nums := make([]int, n)
	for i := range nums {
		nums[i] = from[i*len(from)/n].Num
	}
	return nums
}

// Seen are the messages that a baseline marks, by number.
func (p *Plan) Seen() []SeenEntry {
	out := make([]SeenEntry, 0, len(p.Fetch)+len(p.Question))
	for _, f := range p.Fetch {
		if !f.Owed {
			out = append(out, SeenEntry{f.Entry, false})
		}
	}
	for _, list := range [][]KnownStep{p.Question, p.Back} {
		for _, k := range list {
			if k.Row.State != uidl.Wanted && k.Row.State != uidl.Parked { // else it is on its way
				out = append(out, SeenEntry{k.Entry, true})
			}
		}
	}
	slices.SortFunc(out, func(a, b SeenEntry) int { return a.Num - b.Num })
	return out
}
