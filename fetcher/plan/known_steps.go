package plan

import (
	"slices"

	"github.com/popsync/popsync/uidl"
)

// KnownSteps are steps about known messages, in the order of their keys. There may be as many as are listed, so each takes 16
// octets, and is made when it is asked for.
type KnownSteps struct {
	list    []smallStep
	listing Listing
	rows    *Rows
	changed map[int32]uidl.Row // by index: those that are not any more what the ledger has
}

type smallStep struct {
	at, row, copies int32
	why             Why
	then            fate
	shared, watched bool
}

// Len is how many there are.
func (t *KnownSteps) Len() int { return len(t.list) }

// Num is the number of the i-th message.
func (t *KnownSteps) Num(i int) int { return t.listing.At(int(t.list[i].at)).Num }

// At makes the i-th step.
func (t *KnownSteps) At(i int) KnownStep {
	w := &t.list[i]
	e := t.listing.At(int(w.at))
	row, ok := t.changed[w.row]
	if !ok {
		row = t.rows.Row(int(w.row))
	}
	return KnownStep{Entry: Entry{Num: e.Num, Size: e.Size, Key: row.Key}, Row: row, Reason: w.why.String(), Shared: w.shared,
		Then: w.then, Watched: w.watched, Copies: w.copies, at: w.at, row: w.row}
}

// add puts a step behind the others.
func (t *KnownSteps) add(p *Plan, k KnownStep) {
	t.listing, t.rows = p.listing, p.rows
	if k.Row.State != p.rows.At(int(k.row)).State { // it is whole by now: see known
		if t.changed == nil {
			t.changed = map[int32]uidl.Row{}
		}
		t.changed[k.row] = k.Row
	}
	t.list = append(t.list, smallStep{k.at, k.row, k.Copies, WhyOf(k.Reason), k.Then, k.Shared, k.Watched})
}

// Leave drops those of which left is true, and tells how many.
func (t *KnownSteps) Leave(left func(KnownStep) bool) int {
	kept := t.list[:0]
	for i := range t.list {
		if !left(t.At(i)) {
			kept = append(kept, t.list[i])
		}
	}
	n := len(t.list) - len(kept)
	t.list = kept
	return n
}

// GoneKeys are the keys of what left the listing.
func (p *Plan) GoneKeys() []uidl.Key { return p.GoneKeysBut(func(int) bool { return false }) }

// GoneKeysBut are those, without the rows of which left is true.
func (p *Plan) GoneKeysBut(left func(row int) bool) []uidl.Key {
	n := 0
	for _, r := range p.Gone {
		if !left(int(r)) {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	keys := make([]uidl.Key, 0, n)
	for _, r := range p.Gone {
		if !left(int(r)) {
			keys = append(keys, p.rows.Row(int(r)).Key)
		}
	}
	return keys
}

// IsGone tells of a key whether it is among them.
func (p *Plan) IsGone(k uidl.Key) bool {
	if len(p.Gone) == 0 {
		return false
	}
	r, ok := p.rows.Find(k)
	if ok {
		_, ok = slices.BinarySearch(p.Gone, int32(r))
	}
	return ok
}
