package fetcher

import (
	"slices"
	"time"

	"github.com/popsync/popsync/uidl"
)

// drawSkew makes the clock wrong, for one pass or for longer, or right again.
func (w *world) drawSkew() {
	d := w.d
	if w.skew != 0 && d.one(2) || w.skew == 0 && !d.one(3) {
		w.skew = 0
		return
	}
	if w.skew != 0 {
		return
	}
	switch d.n(4) {
	case 0:
		w.skew = time.Duration(30+d.n(200)) * 24 * time.Hour
	case 1:
		w.skew = 10 * 365 * 24 * time.Hour
	case 2:
		w.skew = -time.Since(time.Unix(0, 0)) - w.offset + time.Duration(d.n(100))*time.Hour // never set
	case 3:
		w.skew = -time.Duration(1+d.n(200)) * 24 * time.Hour
	}
	// After a month nothing says what left, so what then comes under another unique-id is new. A clock that was months behind, and
	// is right again, is such a month too.
	if w.m.uids && -w.skew < 365*24*time.Hour {
		w.skew %= 20 * 24 * time.Hour
	}
}

// old tells whether some earlier pass had reason to think that a message has an age: the clock of one that was offered it,
// and that of another, are so far apart. One wrong clock is not enough, since the pass that it is wrong in does not count.
func (w *world) old(l *letter, age time.Duration) bool {
	since := len(w.clocks) - 1
	for _, o := range w.letters {
		if o.group == l.group && o.offered >= 0 {
			since = min(since, o.offered) // what is equal to the octet may be taken for one that left
		}
	}
	before := w.clocks[since : len(w.clocks)-1] // the last is that of this pass
	first, last := int64(1)<<62, int64(-1)<<62
	for _, t := range before {
		first, last = min(first, t), max(last, t)
	}
	return last-first >= int64(age/time.Second)
}

// purged excuses that a message may come once more which the ledger forgot, as it does with what ten listings lacked, and 90 days as
// far as it believes clocks: of one that was wrong for longer than a day it believes what it says.
func (w *world) purged(before []uidl.Message) {
	known := map[string]bool{}
	for _, m := range w.rows {
		known[m.UID] = true
	}
	for _, m := range before {
		old := m.GoneAt > 1 && slices.Max(w.clocks)-m.GoneAt >= 90*24*3600 && w.info.Listings-m.GoneListing >= 10 // 1: its message goes by another row
		if known[m.UID] || !old || m.State != uidl.Delivered && m.State != uidl.DeleteSent {
			continue
		}
		for _, l := range w.letters {
			if l.onServer && slices.Contains(l.names, m.UID) && !slices.ContainsFunc(l.names, func(n string) bool { return known[n] }) {
				w.logf("%s (letter %d) is forgotten", m.UID, l.id)
				w.again[l.group]++
			}
		}
	}
}
