package fetcher

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/popsync/popsync/uidl"
)

// uid is what the server calls a message while its format is that of now.
func (w *world) uid(id int) string {
	if w.format == 0 {
		return fmt.Sprintf("uid%03d", id)
	}
	return fmt.Sprintf("format%d-%03d", w.format, id)
}

// delicate tells whether the server lists what it was told to delete, or what is held back. Under new unique-ids that is
// new: nothing is left of it with after-delivery, and of what is held back nothing is known but its unique-id.
func (w *world) delicate() (some bool) {
	for _, l := range w.letters { // with months between two passes, what was hidden has no trace of a former unique-id left
		some = some || w.m.clocks && l.onServer && (!l.listed || l.left && !w.met(l))
	}
	for _, row := range w.rows {
		some = some || row.State == uidl.Held || row.State == uidl.DeleteSent && slices.ContainsFunc(w.letters, func(l *letter) bool { return l.onServer && l.name == row.UID })
	}
	return some
}

// met tells whether a pass has met a message under its unique-id since it was hidden. Until then it has as little of a trace
// as while it is.
func (w *world) met(l *letter) bool {
	return slices.ContainsFunc(w.rows, func(m uidl.Message) bool { return m.UID == l.name && m.GoneAt == 0 })
}

// renumber gives all messages of the server unique-ids in another format, or in the first one again.
func (w *world) renumber() {
	if w.verify || w.delicate() {
		return
	}
	was := w.format
	if w.format = (w.format + 1 + w.d.n(2)) % 3; w.format == was {
		return
	}
	w.logf("unique-ids get format %d", w.format)
	given := map[string]string{} // by the unique-id of before
	for _, l := range w.letters {
		if !l.onServer || l.name == "" {
			continue
		}
		l.listed = true // what is hidden meanwhile is nobody's to know
		// Those that share one go on to share one.
		old := l.name
		if name, ok := given[old]; ok {
			l.name = name
		} else if l.name = w.uid(l.id); slices.ContainsFunc(w.letters, func(o *letter) bool { return o != l && slices.Contains(o.names, l.name) }) {
			l.name = w.uid(l.id) + "x" // another one's, once
		}
		l.UID = l.name
		given[old] = l.name
	}
	for _, l := range w.letters {
		if l.onServer && !slices.Contains(l.names, l.name) {
			l.names = append(l.names, l.name)
		}
	}
}

// moveHost changes the account's mailbox: to the same messages elsewhere, or to another that numbers its own likewise.
func (w *world) moveHost(same bool) {
	if w.noUIDL || w.acc.RetrHides || w.verify || w.delicate() {
		return
	}
	w.mailbox++
	w.acc.Mailbox = fmt.Sprintf("%s%d", w.acc.Mailbox[:1], w.mailbox)
	w.logf("the account has another mailbox, with the same messages: %v", same)
	if same {
		for _, l := range w.letters {
			l.listed = true // what is hidden meanwhile is nobody's to know
		}
		return
	}
	var old []*letter
	for _, l := range w.letters {
		if l.onServer {
			l.onServer, l.lost = false, true
			old = append(old, l)
		}
	}
	for range w.d.n(8) {
		l := w.compose()
		if len(old) > 0 && !w.d.one(3) {
			o := old[0]
			old = old[1:]
			if !o.shared && !l.shared && !l.weak && !bytes.Equal(l.Data, o.Data) {
				l.UID, l.name, l.names = o.UID, o.name, []string{o.name}
				w.logf("letter %d has the unique-id %s there", l.id, l.UID)
			}
		}
		w.letters = append(w.letters, l)
	}
}
