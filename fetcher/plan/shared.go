package plan

import "sort"

// Shared is how many listed messages have a unique-id, if several do; else 0.
func (p *Plan) Shared(uid string) int {
	if p.SharedBy == 0 || uid == "" {
		return 0
	}
	from := sort.Search(len(p.order), func(i int) bool { return p.uidAt(i) >= uid })
	n := sort.Search(len(p.order)-from, func(i int) bool { return p.uidAt(from+i) > uid })
	if n < 2 {
		return 0
	}
	return n
}

// uidAt is the i-th unique-id of the listing, in their order; "": it has none.
func (p *Plan) uidAt(i int) string { return p.listing.At(int(p.order[i])).UID }
