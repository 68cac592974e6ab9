package fetcher

import (
	"slices"

	"github.com/popsync/popsync/uidl"
)

// unknown are the messages that may have been delivered under another unique-id, by number.
func (p *plan) unknown() []entry {
	var out []entry
	for _, f := range p.fetch {
		if !f.owed && !f.compare && !f.nameless {
			out = append(out, f.entry)
		}
	}
	for _, f := range p.skipped {
		if f.reason == reasonTooLarge && f.row.State == 0 {
			out = append(out, f.entry)
		}
	}
	slices.SortFunc(out, func(a, b entry) int { return a.num - b.num })
	return out
}

// strangers counts unknown messages that the ledger has no row of.
func (p *plan) strangers() int {
	n := 0
	for _, f := range p.fetch {
		if f.row.State == 0 && !f.nameless {
			n++
		}
	}
	return n
}

// spread picks up to n numbers, evenly over the listing.
func spread(from []entry, n int) []int {
	n = min(n, len(from))
	nums := make([]int, n)
	for i := range nums {
		nums[i] = from[i*len(from)/n].num
	}
	return nums
}

// lose counts a row that left the listing.
func (p *plan) lose(r int, state uidl.State) {
	switch state {
	case uidl.Delivered:
		p.lostKept++
	case uidl.DeleteSent:
	default:
		return
	}
	p.lost = append(p.lost, int32(r))
}
