package plan

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"slices"

	"github.com/popsync/popsync/uidl"
)

// SameUID tells whether rows i and j belong to one UID; j may be out of range.
func (r *Rows) SameUID(i, j int) bool {
	if j >= r.Len() {
		return false
	}
	a, b := r.At(i), r.At(j)
	return a.uidLen() == b.uidLen() && bytes.Equal(r.kept(a), r.kept(b))
}

func (r *Rows) compare(i int, k uidl.Key) int {
	p := r.At(i)
	if p.uidLen() == packedName {
		return r.compareName(p, k)
	}
	if c := CompareBytes(r.kept(p), k.UID); c != 0 {
		return c
	}
	return cmp.Compare(int(p.Dup), k.Dup)
}

// compareName is compare for a row whose name stands for a header.
func (r *Rows) compareName(p *packed, k uidl.Key) int {
	var buf [nameOctets]byte
	name := hex.AppendEncode(append(buf[:0], HeaderName...), r.kept(p))
	if c := CompareBytes(name, k.UID); c != 0 {
		return c
	}
	return cmp.Compare(int(p.Dup), k.Dup)
}

// CompareBytes is bytes.Compare with a string. The operators compare without a copy; a call would make one.
func CompareBytes(a []byte, b string) int {
	switch {
	case string(a) == b:
		return 0
	case string(a) < b:
		return -1
	}
	return 1
}

// With is the rows with those of some messages more, which they do not have.
func (r *Rows) With(more []uidl.Message) *Rows {
	all := make([]uidl.Row, 0, r.Len()+len(more))
	for i := range r.Len() {
		all = append(all, r.Row(i))
	}
	for i := range more {
		all = append(all, more[i].Row)
	}
	slices.SortFunc(all, func(a, b uidl.Row) int { return cmp.Or(cmp.Compare(a.UID, b.UID), cmp.Compare(a.Dup, b.Dup)) })
	out := &Rows{}
	for _, row := range all {
		out.Add(row)
	}
	return out
}

// Find gives the index of the row of a key.
func (r *Rows) Find(k uidl.Key) (i int, ok bool) {
	low, high := 0, r.Len()
	for low < high {
		mid := int(uint(low+high) >> 1)
		switch c := r.compare(mid, k); {
		case c == 0:
			return mid, true
		case c < 0:
			low = mid + 1
		default:
			high = mid
		}
	}
	return 0, false
}
