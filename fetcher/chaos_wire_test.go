package fetcher

import (
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/popsync/popsync/pop3/pop3test"
)

// wire sets the server's habits and its part of the trouble.
func (w *world) wire(tr *trouble, cancel func()) {
	if !w.noUIDL {
		w.noTOP = !w.quiet && w.d.one(4) && !w.hasTOP
	}
	noCAPA, noPipelining, keeps := w.d.one(6), w.d.one(3), !w.quiet && w.d.one(5)
	w.drawSore()
	var commands, retrs atomic.Int32
	var mute atomic.Pointer[pop3test.Session]
	w.server.Change(func(o *pop3test.Options) {
		*o = pop3test.Options{NoUIDL: w.noUIDL, NoTOP: w.noTOP, NoCAPA: noCAPA, NoPipelining: noPipelining, QuitKeeps: keeps,
			HideRetr: w.acc.RetrHides}
		if tr.wire != nil {
			o.OnReply = tr.wire.reply
		}
		o.OnCommand = func(s *pop3test.Session, verb, arg string) *pop3test.Reply {
			if mute.Load() == s { // a reply that is left out would make all later ones mean other messages
				return &pop3test.Reply{}
			}
			n := int(commands.Add(1))
			if n == tr.cancel {
				cancel()
			}
			word, _, _ := strings.Cut(arg, " ")
			num, _ := strconv.Atoi(word)
			m, _ := s.Message(num)
			switch verb {
			case "RETR":
				if n := int(retrs.Add(1)) - 1; n == tr.vanish && w.vanish(m) {
					return &pop3test.Reply{Raw: []byte("-ERR no such message\r\n")}
				}
				if tr.refuse[arg[len(arg)-1]] {
					return &pop3test.Reply{Raw: []byte("-ERR cannot read it\r\n")}
				}
			case "DELE":
				w.mustBeSafe(s, num, m, tr)
			}
			if reply := w.hurts(verb, m); reply != nil {
				if reply.Raw == nil && !reply.Close {
					mute.Store(s)
				}
				return reply
			}
			// A server that seems to have no UIDL, or no TOP where that gives the names, cannot be understood.
			if n == tr.command && !((w.noUIDL || w.hasTOP) && verb == "TOP") && !(noCAPA && verb == "UIDL") {
				if tr.answer == "" {
					mute.Store(s)
				}
				return &pop3test.Reply{Raw: []byte(tr.answer), Close: tr.close}
			}
			return nil
		}
	})
}

// drawWire chooses replies that go wrong in a pass: of RETR, TOP and LIST n.
func (w *world) drawWire() *badWire {
	d := w.wired
	// Where clocks jump by months too, a pass that did not come to recognise what has new unique-ids was the last that could.
	if !w.m.wire || w.quiet || w.m.clocks && w.m.uids || d.one(3) {
		return nil
	}
	b := &badWire{faults: map[int]wireFault{}, at: d.n(256) * (1 + d.n(8)), noTOP: w.noUIDL || w.hasTOP}
	for range 1 + d.n(3) {
		// A line that a server adds makes another message of it, as far as this can be told from outside; and what is refused
		// was not retrieved.
		if kind := wireFault(d.n(int(wireFaults))); kind != moreLines && !(kind == refusedOnce && w.acc.RetrHides) {
			b.faults[3*d.n(16)] = kind // two that follow each other can look right together
		}
	}
	return b
}

// vanish notes that somebody else removed a message; false when that would make UIDs mean other messages.
func (w *world) vanish(m pop3test.Message) bool {
	l := w.letterOf(m)
	if l == nil || l.shared {
		return false
	}
	l.lost, l.onServer = true, false
	return true
}
