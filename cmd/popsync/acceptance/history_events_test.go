//go:build linux && (amd64 || arm64)

package acceptance_test

import (
	"bytes"
	"slices"
)

// histEvent is something that happens between runs; do returns false when it did not fit.
type histEvent struct {
	weight int
	name   string
	do     func(w *histWorld) bool
}

var histEvents = slices.Concat(histServerEvents, histTroubles, histWireEvents, histCommands, histReaders, histLedgerEvents, histDestEvents,
	histMaildirEvents, histAccountEvents)

// histServerEvents are what servers and other people do.
var histServerEvents = []histEvent{
	{30, "mail comes", func(w *histWorld) bool {
		b := w.box()
		for range 1 + w.n(5) {
			w.send(b, w.chance(20))
		}
		return true
	}},
	{3, "a dozen with one header come", func(w *histWorld) bool { w.dozen(w.box()); return true }},
	{4, "a dozen with one header are deleted elsewhere, and another dozen comes", func(w *histWorld) bool {
		b := w.box()
		bare := w.offered(b, func(l *histLetter) bool { return l.bare })
		if len(bare) < 10 {
			return false
		}
		for _, l := range bare {
			w.taken(l)
		}
		w.dozen(b)
		return true
	}},
	{6, "somebody else deletes mail", func(w *histWorld) bool {
		all := w.offered(w.box(), nil)
		for range min(len(all), 1+w.n(3)) {
			l, _ := histPick(w, all)
			w.taken(l)
		}
		return len(all) > 0
	}},
	{4, "messages that share a unique-id come", func(w *histWorld) bool {
		b := w.box()
		first := w.sendTwin(b)
		for range 1 + w.n(2) {
			w.sendTwin(b).name = first.name
		}
		return true
	}},
	{4, "of messages that share a unique-id one leaves, and another comes", func(w *histWorld) bool {
		all := w.offered(w.box(), func(l *histLetter) bool { return w.shared(l) })
		l, ok := histPick(w, all)
		if ok {
			w.taken(l)
			next := w.sendTwin(l.box)
			if next.name = l.name; w.chance(50) {
				next.listed = int64(len(l.data))
			}
		}
		return ok
	}},
	{2, "a unique-id is given to another message, of another size", func(w *histWorld) bool {
		l, ok := histPick(w, w.offered(w.box(), func(l *histLetter) bool { return !w.shared(l) }))
		if !ok {
			return false
		}
		size := w.listed(l)
		w.taken(l)
		next := w.send(l.box, false)
		if next.name = l.name; w.listed(next) == size {
			next.data = bytes.Replace(next.data, []byte("\r\n.\r\n"), []byte("\r\none line more than that one has\r\n.\r\n"), 1)
		}
		return true
	}},
	{4, "the listing hides messages for a while", func(w *histWorld) bool {
		all := w.offered(w.box(), nil)
		for range min(len(all), 1+w.n(4)) {
			l, _ := histPick(w, all)
			l.hidden = 1 + w.n(2)
		}
		return len(all) > 0
	}},
	{6, "the server's unique-ids get another format", func(w *histWorld) bool {
		b := w.box()
		if w.anyBlind() || w.undeleted(b) {
			return false
		}
		b.format = (b.format + 1 + w.n(2)) % 3
		return true
	}},
	{3, "LIST shows another size", func(w *histWorld) bool {
		l, ok := histPick(w, w.offered(w.box(), nil))
		if ok {
			l.listed = int64(len(l.data) + 1 + w.n(50))
		}
		return ok
	}},
	{4, "the server adds Status lines", func(w *histWorld) bool {
		// Those of which neither header nor content would tell which they are keep theirs.
		all := w.offered(w.box(), func(l *histLetter) bool { return !l.bare })
		for _, l := range all {
			l.data = append([]byte("Status: RO\r\n"), l.data...)
		}
		return len(all) > 0
	}},
}

// undeleted tells whether the server still has messages of a mailbox that popsync told it to delete, as far as popsync knows:
// under new unique-ids nobody could tell that these are not new.
func (w *histWorld) undeleted(b *histBox) bool {
	told := w.ledger("SELECT uid FROM message WHERE state = 3")
	return len(w.offered(b, func(l *histLetter) bool { return slices.Contains(told, l.uid()) })) > 0
}

// box is the mailbox of some account.
func (w *histWorld) box() *histBox {
	a, _ := histPick(w, w.accounts)
	return a.box
}

func (w *histWorld) dozen(b *histBox) {
	for range 12 {
		w.send(b, true)
	}
}

// offered are a mailbox's messages that the server has, of those that are wanted.
func (w *histWorld) offered(b *histBox, want func(*histLetter) bool) (all []*histLetter) {
	for _, l := range w.letters {
		if l.box == b && !l.gone && (want == nil || want(l)) {
			all = append(all, l)
		}
	}
	return all
}

func (w *histWorld) shared(l *histLetter) bool {
	return len(w.offered(l.box, func(o *histLetter) bool { return o.name == l.name })) > 1
}

func (w *histWorld) taken(l *histLetter) {
	if !l.gone {
		l.gone = true
		w.oracle.left(l.number, "somebody else")
	}
}
