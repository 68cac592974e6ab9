package pop3

import (
	"cmp"
	"errors"
	"math"
	"slices"
)

var errRepeated = errors.New("message number occurs twice in the listing")

// join makes the Listing. A number that occurs twice in one answer makes all of it unusable: which message would a
// DELE remove?
func (p *collector) join() error {
	l := p.l
	l.uids = append(l.uids, p.uids.String())
	if !p.apart && p.joined == p.uidl.len() {
		l.entries = p.uidl
		for _, part := range l.entries.list {
			for i := range part {
				l.add(part[i].size())
			}
		}
		p.weighBlanks()
		return nil
	}
	p.part()
	list := p.list.flat()
	if !sortUnique(list, func(s sized) int32 { return s.num }) {
		return errRepeated
	}
	if l.NoUIDL {
		for _, s := range list {
			e := entry{num: s.num}
			e.setSize(s.size)
			l.entries.add(e)
			l.add(s.size)
		}
		p.weighBlanks()
		return nil
	}
	uidl := p.uidl.flat()
	if !sortUnique(uidl, func(e entry) int32 { return e.num }) {
		return errRepeated
	}
	both := uidl[:0] // what is kept never overtakes what is read
	i, j := 0, 0
	for i < len(uidl) && j < len(list) {
		e, s := uidl[i], list[j]
		switch {
		case e.num < s.num:
			l.OnlyUIDL++
			i++
		case e.num > s.num:
			l.OnlyLIST++
			j++
		default:
			e.setSize(s.size)
			both = append(both, e)
			l.add(s.size)
			i, j = i+1, j+1
		}
	}
	l.entries = chunked(both)
	l.OnlyUIDL += len(uidl) - i
	l.OnlyLIST += len(list) - j
	l.Complete = l.Complete && l.OnlyUIDL+l.OnlyLIST == 0
	p.weighBlanks()
	return nil
}

// weighBlanks decides what blank lines mean: nothing, unless a number is missing. Then one of them may have been its line. An
// empty mailbox may have one in each answer.
func (p *collector) weighBlanks() {
	l := p.l
	n := l.Len()
	if p.blank == 0 || !l.Complete || n == 0 && p.blank <= 2 || n > 0 && int(l.entries.at(n-1).num) == n {
		return
	}
	l.Complete = false
	l.Bad += p.blank
	l.Problems = append(l.Problems, "blank lines, where message numbers are missing")
}

func (l *Listing) add(size int64) {
	if l.bytes > math.MaxInt64-size {
		l.bytes = math.MaxInt64
		return
	}
	l.bytes += size
}

// sortUnique sorts by number, which costs nothing in the usual case, and tells whether all numbers differ.
func sortUnique[T any](s []T, num func(T) int32) bool {
	byNum := func(a, b T) int { return cmp.Compare(num(a), num(b)) }
	if !slices.IsSortedFunc(s, byNum) {
		slices.SortFunc(s, byNum)
	}
	for i := 1; i < len(s); i++ {
		if num(s[i-1]) == num(s[i]) {
			return false
		}
	}
	return true
}
