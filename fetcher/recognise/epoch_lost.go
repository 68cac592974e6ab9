package recognise

import (
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/uidl"
)

// lostRows are rows that left the listing, an octet for each row: there may be a million.
type lostRows struct {
	rows *plan.Rows
	is   []lostState // by index
	n    int         // how many there are
}

type lostState uint8

const (
	notLost lostState = iota
	isLost
	isAdopted // known under another unique-id, and the ledger has that
)

func lostOf(rows *plan.Rows, which []int32) *lostRows {
	l := &lostRows{rows: rows, is: make([]lostState, rows.Len()), n: len(which)}
	for _, r := range which {
		l.is[r] = isLost
	}
	return l
}

func (l *lostRows) has(k uidl.Key) bool {
	r, ok := l.rows.Find(k)
	return ok && l.is[r] == isLost
}

// drop takes one out that was recognised; adopted: it is committed as that.
func (l *lostRows) drop(k uidl.Key, adopted bool) {
	if r, ok := l.rows.Find(k); ok && l.is[r] == isLost {
		l.is[r] = notLost
		if adopted {
			l.is[r] = isAdopted
		}
		l.n--
	}
}

// Gone are the keys of what left the listing, but for what is written down as gone already, being known under another unique-id.
func (w *Renewal) Gone() []uidl.Key {
	if w.newNames == nil {
		return w.on.Plan.GoneKeys()
	}
	return w.on.Plan.GoneKeysBut(func(row int) bool { return w.newNames.is[row] == isAdopted })
}

// keys are those of all, in their order.
func (l *lostRows) keys() []uidl.Key {
	keys := make([]uidl.Key, 0, l.n)
	for r, is := range l.is {
		if is == isLost {
			keys = append(keys, l.rows.Row(r).Key)
		}
	}
	return keys
}

// anyOf tells whether one of the messages is so.
func anyOf(of plan.Picked, is func(plan.Entry) bool) bool {
	for i := range of.Len() {
		if is(of.At(i)) {
			return true
		}
	}
	return false
}
