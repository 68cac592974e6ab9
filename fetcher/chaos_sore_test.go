package fetcher

import "github.com/popsync/popsync/pop3/pop3test"

// sore is a message that breaks the session whenever a verb asks for it, for some passes.
type sore struct {
	letter *letter
	verb   string
	way    int
	passes int // that this lasts; 0: there is none
}

// drawSore chooses one, now and then.
func (w *world) drawSore() {
	switch d := w.sores; {
	// What cannot be looked at while a lost ledger is rebuilt is held back, and accept has it delivered once more.
	case !w.m.sores || w.m.copies || w.quiet || len(w.letters) == 0:
		w.sore = sore{}
	case w.sore.passes > 0:
		w.sore.passes--
	case d.one(2):
		w.sore = sore{letter: w.letters[d.n(len(w.letters))], verb: []string{"TOP", "DELE", "RETR"}[d.n(3)], way: d.n(5), passes: 1 + d.n(4)}
		w.logf("letter %d of %s breaks the session at %s, way %d, for %d passes", w.sore.letter.id, w.name, w.sore.verb, w.sore.way, w.sore.passes)
	}
}

// hurts is the reply to a command that breaks the session; nil: it does not.
func (w *world) hurts(verb string, m pop3test.Message) *pop3test.Reply {
	if w.sore.passes == 0 || verb != w.sore.verb || w.letterOf(m) != w.sore.letter {
		return nil
	}
	switch w.sore.way {
	case 0:
		return &pop3test.Reply{Close: true}
	case 1:
		return &pop3test.Reply{Raw: []byte("\r\n")}
	case 2:
		return &pop3test.Reply{Raw: []byte("%PDF?\r\n")}
	case 3:
		return &pop3test.Reply{Raw: []byte("-ERR no\r\n"), Close: true}
	}
	return &pop3test.Reply{} // nothing any more
}
