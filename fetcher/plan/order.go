package plan

import (
	"cmp"
	"slices"
	"strings"

	"github.com/popsync/popsync/pop3"
)

// trimDue leaves those that come first, by number: as many as a session deals with. A million that are due are not to be in
// memory at once. Those that share a unique-id may have to stay: they must not take the others' places.
func (p *Plan) trimDue() {
	slices.SortFunc(p.Due, func(a, b KnownStep) int { return cmp.Or(falseFirst(a.Shared, b.Shared), cmp.Compare(a.Num, b.Num)) })
	p.Later += len(p.Due) - p.most
	if p.showLater {
		if p.DueLater.list == nil { // rather much than to be copied when it grows
			p.DueLater.list = make([]smallStep, 0, p.listing.Len())
		}
		for _, k := range p.Due[p.most:] {
			p.DueLater.add(p, k)
		}
	}
	clear(p.Due[p.most:])
	p.Due = p.Due[:p.most]
}

// Sort puts new messages first, by number, then those that failed before, fewest failures first: what always fails
// comes last and is in nobody's way.
func (p *Plan) Sort() {
	p.sortFetch()
	byNum := func(a, b KnownStep) int {
		return cmp.Or(falseFirst(p.Last[a.Key], p.Last[b.Key]), cmp.Compare(a.Num, b.Num))
	}
	slices.SortFunc(p.Due, byNum)
	slices.SortFunc(p.Question, byNum)
}

// sortFetch puts what may be known already last: it is only retrieved to be recognised. Before that comes what turned out
// larger than max_size and was listed smaller: to read it again will most likely be in vain, and it must not use up a
// session in every pass.
func (p *Plan) sortFetch() {
	slices.SortFunc(p.Fetch, func(a, b FetchStep) int {
		return cmp.Or(falseFirst(a.Compare, b.Compare), falseFirst(a.vain(), b.vain()),
			cmp.Compare(a.Row.Attempts, b.Row.Attempts), cmp.Compare(a.Num, b.Num))
	})
}

// falseFirst compares by what is not so, and then what is.
func falseFirst(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// SortedByUID is the order of a listing by (UID, number). Most servers list in that order already.
func SortedByUID(l Listing) []int32 {
	order := make([]int32, l.Len())
	sorted := true
	prev := pop3.Entry{}
	for i := range order {
		order[i] = int32(i)
		e := l.At(i)
		if i > 0 && (e.UID < prev.UID || e.UID == prev.UID && e.Num < prev.Num) {
			sorted = false
		}
		prev = e
	}
	if !sorted {
		slices.SortFunc(order, func(a, b int32) int {
			x, y := l.At(int(a)), l.At(int(b))
			return cmp.Or(strings.Compare(x.UID, y.UID), cmp.Compare(x.Num, y.Num))
		})
	}
	return order
}
