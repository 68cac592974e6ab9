//go:build linux && (amd64 || arm64)

package acceptance_test

import (
	"bytes"
	"fmt"
	"strings"
)

// How the sizes of a mailbox are wrong.
const (
	histTrue   = iota
	histLF     // line ends count as one octet
	histOffset // by a number that is always the same
	histNoRule
	histRules
)

var histRuleNames = [histRules]string{"right", "of line ends as one octet", "off by the same number", "wrong without a rule"}

// listed is the size that LIST shows for a message.
func (w *histWorld) listed(l *histLetter) int64 {
	size := int64(len(l.data))
	switch {
	case l.listed != 0:
		size = l.listed
	case l.box.sizes == histLF:
		size -= int64(bytes.Count(l.data, []byte("\n")))
	case l.box.sizes == histOffset:
		size += l.box.offset
	case l.box.sizes == histNoRule:
		size += int64(l.number*7919%401) - 200
	}
	return max(size, 1)
}

// histWireEvents are what a server does that says something else than it means, in the next run or from now on.
var histWireEvents = []histEvent{
	{12, "a message will come short", func(w *histWorld) bool {
		b := w.box()
		l, ok := histPick(w, w.offered(b, nil))
		if w.chance(60) {
			l, ok = w.send(b, w.chance(20)), true
		}
		if ok {
			w.trouble.short = histShort{l.number, w.n(1000), w.chance(50), w.chance(40)}
		}
		return ok
	}},
	{4, "a RETR will not be answered, and nothing after it", func(w *histWorld) bool { return w.fault(histSilence) }},
	{9, "a reply will be left out", func(w *histWorld) bool { return w.fault(histLeftOut) }},
	{9, "a reply will come twice", func(w *histWorld) bool { return w.fault(histTwice) }},
	{9, "two replies will be swapped", func(w *histWorld) bool { return w.fault(histSwapped) }},
	{9, "a reply will end without LF", func(w *histWorld) bool { return w.fault(histMerged) }},
	{9, "a reply will be cut off", func(w *histWorld) bool { return w.fault(histCutOff) }},
	{5, "dots will not be stuffed", func(w *histWorld) bool { w.trouble.unstuffed = true; return true }},
	{5, "a message comes that holds the end of a message, and another, and dots will not be stuffed", func(w *histWorld) bool {
		victim, ok := histPick(w, w.offered(w.box(), func(l *histLetter) bool { return !l.forger && !l.refused }))
		if ok {
			w.forge(victim)
			w.trouble.unstuffed = true
		}
		return ok
	}},
	{3, "from now on the server adds a line at each reading, or does so no more", func(w *histWorld) bool {
		b := w.box()
		b.stamps = !b.stamps
		return true
	}},
	{3, "from now on sizes are wrong, or right again", func(w *histWorld) bool {
		b := w.box()
		b.sizes = (b.sizes + 1 + w.n(histRules-1)) % histRules
		b.offset = []int64{-90, -7, 4, 150}[w.n(4)]
		w.note("  sizes of %s are %s", b.user, histRuleNames[b.sizes])
		return true
	}},
	{4, "messages of one size come", func(w *histWorld) bool {
		b, words := w.box(), w.n(60)
		for range 2 + w.n(5) {
			w.sendLong(b, false, words)
		}
		return true
	}},
	{10, "a day passes", func(w *histWorld) bool { w.dayPasses(); return true }},
}

// fault lets something befall a reply of the next run.
func (w *histWorld) fault(what string) bool {
	verb := "RETR"
	if what != histSilence {
		verb = []string{"RETR", "RETR", "TOP", "TOP", "LIST"}[w.n(5)]
	}
	if w.chance(70) { // so that something is asked
		for b, n := w.box(), 1+w.n(5); n > 0; n-- {
			w.send(b, w.chance(20))
		}
	}
	w.trouble.faults = append(w.trouble.faults, histFault{what, verb, 1 + w.n(4), w.n(1000)})
	return true
}

// forge sends a message that ends, for a server that does not stuff dots, before what looks like the reply with another
// message, of that one's header and size.
func (w *histWorld) forge(victim *histLetter) {
	l := w.sendLong(victim.box, false, w.n(20))
	l.forger = true
	header, _, _ := strings.Cut(string(victim.data), "\r\n\r\n")
	end := fmt.Sprintf("X-End: %06d\r\n", l.number)
	forged := fmt.Sprintf("%s\r\n\r\nX-Id: %06d\r\nforged ", header, victim.number)
	forged += strings.Repeat("x", max(0, len(victim.data)-len(forged)-len(end)-2)) + "\r\n"
	own, _, _ := strings.Cut(string(l.data), ".\r\nX-End")
	l.data = []byte(own + ".\r\n+OK 400 octets\r\n" + forged + end)
}
