package imap

import (
	"errors"
	"fmt"
	"strings"

	"github.com/popsync/popsync/deliver"
)

// batch sends messages, with their texts as ids, as one batch.
func (w *world) batch(s *Sender, texts []string, again bool) []error {
	w.Helper()
	all := make([]deliver.Outgoing, len(texts))
	for i, text := range texts {
		all[i] = w.outgoing(idOf(text), text, again)
	}
	errs := s.SendBatch(w.Context(), all)
	if len(errs) != len(all) {
		w.Fatalf("%d answers for %d messages", len(errs), len(all))
	}
	return errs
}

// idOf is a delivery id for a text.
func idOf(text string) string { return recordWhere(text[:min(len(text), 300)]) }

// ending is what happens after a connection broke.
type ending int

const (
	goesOn    ending = iota
	restarts         // another process goes on, which knows what came of each message
	wasKilled        // another process goes on, which knows nothing
)

// through takes messages to their end as an outbox does, and gives how many were in doubt.
func (w *world) through(s *Sender, texts []string, then ending) (doubts int) {
	w.Helper()
	left, again := texts, map[string]bool{}
	for try := 0; len(left) > 0; try++ {
		if try == 6 {
			w.Fatalf("%d messages do not get there", len(left))
		}
		var doubted, alone []string
		for _, text := range left {
			if again[text] {
				doubted = append(doubted, text)
			} else {
				alone = append(alone, text)
			}
		}
		left = nil
		take := func(text string, err error) {
			var e *deliver.Error
			switch {
			case err == nil:
			case errors.Is(err, deliver.ErrUntried):
				left = append(left, text)
			case errors.As(err, &e) && e.Scope == deliver.WholeTarget:
				if e.Uncertain {
					again[text] = true
					doubts++
				}
				left = append(left, text)
			default:
				w.Fatal(err)
			}
		}
		if try == 0 {
			for i, err := range w.batch(s, texts, false) {
				take(texts[i], err)
			}
			if then == wasKilled {
				left = texts
				for _, text := range texts {
					again[text] = true
				}
			}
			if then != goesOn {
				s.Close()
				s = w.open(true)
			}
			continue
		}
		if try == 1 && len(doubted) > 1 {
			for i, err := range w.batch(s, doubted, true) {
				take(doubted[i], err)
			}
			doubted = nil
		}
		for _, text := range append(doubted, alone...) {
			take(text, w.send(s, idOf(text), text, again[text]))
		}
	}
	return doubts
}

// once makes sure that each message is in the INBOX once.
func (w *world) once(when string, texts ...string) {
	w.Helper()
	n := map[string]int{}
	for _, m := range w.server.Messages("INBOX") {
		n[m.Text]++
	}
	for _, text := range texts {
		if n[text] != 1 {
			w.Errorf("%s: %d copies of %.60q", when, n[text], text)
		}
	}
	if len(n) != len(texts) {
		w.Errorf("%s: %d different messages, want %d", when, len(n), len(texts))
	}
}

// several are messages as most are, and two that only their texts tell from others.
func several(first, n int) (all []string) {
	for i := range n {
		text := ordinary(first + i)
		if i == n/2 {
			text = fmt.Sprintf("Subject: hello\r\n\r\nThe text of %d.\r\n", first+i)
		}
		all = append(all, text)
	}
	return all
}

// octetsOf is how many octets a window of these messages has, about.
func octetsOf(texts []string) int {
	n := len(strings.Join(texts, ""))
	for range texts {
		n += len(`p5 APPEND INBOX "28-Nov-2026 09:00:01 +0000" {999+}`) + 4
	}
	return n
}

// tearing cuts the second APPEND, or one behind it: so that we notice, with some octets of answers, or so that we take all for sent.
func tearing(i, octet int) func(o *Options) {
	if i%2 == 0 {
		return cuttingLater(1, octet, 0, true)
	}
	return cuttingLater(1, octet, (octet%5)*30, false)
}
