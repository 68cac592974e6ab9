package fetcher

import (
	"slices"

	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/pop3/pop3test"
)

// drawExceptions draws what policy excepts from deleting, and from waiting. It has dice of its own: what they give changes nothing else.
func (w *world) drawExceptions() {
	d, p := w.keys, &w.acc.Policy
	if p.Delete == plan.DeleteNever {
		return
	}
	if d.one(3) && !w.noUIDL { // what is read to be known is not read while it may not be deleted
		p.Newest = 1 + d.n(6)
	}
	if p.Delete == plan.DeleteAfterAge && d.one(3) {
		p.Larger = int64(1+d.n(8)) * 200
	}
}

// mayGo is what the exceptions say of a DELE: none of the newest goes, and before its time only what is large.
func (w *world) mayGo(s *pop3test.Session, num int, l *letter) {
	p := w.acc.Policy
	if _, ok := s.Message(num + p.Newest); p.Newest > 0 && !ok {
		w.fail("DELE of %s (letter %d), one of the newest %d", l.UID, l.id, p.Newest)
	}
	if p.Delete == plan.DeleteAfterAge && !w.old(l, p.Age) && !w.large(l) {
		w.fail("DELE of %s (letter %d), which no earlier pass can have known to be old: %v since pass %d", l.UID, l.id, w.clocks, l.offered)
	}
}

// large: an equal one may be taken for it.
func (w *world) large(l *letter) bool {
	larger := w.acc.Policy.Larger
	return larger > 0 && slices.ContainsFunc(w.letters, func(o *letter) bool { return o.group == l.group && o.most > larger })
}

// newest tells whether a letter stays because it is one of the last that are listed, or because one of its unique-id does.
func (w *world) newest(l *letter) bool {
	n := w.acc.Policy.Newest
	for _, o := range slices.Backward(w.letters) {
		if !o.onServer || !o.listed {
			continue
		}
		if n--; n < 0 {
			return false
		}
		if o == l || o.name == l.name {
			return true
		}
	}
	return false
}
