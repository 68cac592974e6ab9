package fetcher

import (
	"slices"

	"github.com/popsync/popsync/uidl"
)

// unknown are the messages that may have been delivered under another unique-id, by number. One that is asked for again was
// delivered under its own.
func (p *plan) unknown() []entry {
	var out []entry
	for _, f := range p.fetch {
		if !f.owed && !f.compare && !f.nameless && !again(f.row) {
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

// strangers counts unknown messages that no row says anything of, but perhaps that they could not be retrieved yet. What a
// person asked for again is none: however many there are, they are no flood.
func (p *plan) strangers() int {
	n := 0
	for _, f := range p.fetch {
		if (f.row.State == 0 || f.row.State == uidl.Wanted && !again(f.row) || f.returned()) && !f.owed && !f.compare && !f.nameless {
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

// lose counts a row that left the listing, of a message that some place has, or that a copy is on its way of.
func (p *plan) lose(in *planInput, r int) {
	rows := in.rows
	switch row := rows.at(r); {
	case row.state == uidl.DeleteSent:
	case row.state == uidl.Delivered || rows.kinds[row.kind].Have.Destinations() != 0:
		p.lostKept++
	case len(in.open) > 0 && in.open[rows.row(r).Key].copies():
		p.lostKept++
	default:
		return
	}
	p.lost = append(p.lost, int32(r))
}
