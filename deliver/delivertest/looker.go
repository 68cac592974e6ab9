package delivertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/popsync/popsync/deliver"
)

// LookerBench is one fresh destination of a deliver.Looker, and what may befall it. All but LoseLater and Rewrite are required.
type LookerBench struct {
	// Open returns another Sender that is a Looker, as a process that starts after a crash would. The suite closes it, and calls Hold.
	Open func(t testing.TB) deliver.Sender
	// Folder is Outgoing.Folder of all messages.
	Folder string
	// Lose makes the answer to the next message get lost; stored tells whether the destination has it all the same.
	Lose func(stored bool)
	// LoseLater is Lose for the message that comes after so many others; nil: batches are not looked at.
	LoseLater func(later int, stored bool)
	// Foreign puts a message there for somebody else.
	Foreign func(text string)
	// Renew makes what is remembered of the place worthless: it numbers its messages anew.
	Renew func()
	// Blind makes each look fail, or ends that.
	Blind func(blind bool)
	// Rewrite makes the place change the headers of what it gets; nil: it cannot.
	Rewrite func(rewrite bool)
	// Arrived are the messages that are there, those of others included.
	Arrived func(t testing.TB) []string
	// Merges tells that the place itself keeps one copy of messages with one Message-ID, and numbers nothing: checks that rest on two copies,
	// or on looks, are left out.
	Merges bool
}

// onCopies are those checks.
var onCopies = []string{"another one with its Message-ID", "a copy from before", "twins", "numbered anew", "looks fail", "settled and wanted again"}

// RunLooker runs all checks of a deliver.Looker, each over a destination of its own. A new one joins as it does in RunSender.
func RunLooker(t *testing.T, open func(t testing.TB) LookerBench) {
	for _, c := range lookerChecks() {
		t.Run(c.name, func(t *testing.T) {
			if b := open(t); !b.Merges || !slices.Contains(onCopies, c.name) {
				c.run(&looking{TB: t, b: b})
			}
		})
	}
}

// LookerFailures is Failures for RunLooker.
func LookerFailures(t *testing.T, open func(t testing.TB) LookerBench) []string {
	var failed []string
	for _, c := range lookerChecks() {
		r := &recorder{TB: t}
		done := make(chan struct{})
		go func() {
			defer close(done)
			c.run(&looking{TB: r, b: open(r)})
		}()
		<-done
		if r.failed.Load() {
			failed = append(failed, c.name)
		}
	}
	return failed
}

type lookerCheck struct {
	name string
	run  func(l *looking)
}

func lookerChecks() []lookerCheck {
	return append(batchChecks(), []lookerCheck{
		{"found after doubt", foundAfterDoubt},
		{"sent when it is not there", sentWhenNotThere},
		{"many in doubt", manyInDoubt},
		{"another one with its Message-ID", anotherWithItsID},
		{"a copy from before", copyFromBefore},
		{"twins", twins},
		{"numbered anew", numberedAnew},
		{"looks fail", looksFail},
		{"headers are changed", headersAreChanged},
		{"not tried before", notTriedBefore},
		{"settled and wanted again", settledAndWanted},
	}...)
}

// looking is one check's destination with the steps that all take.
type looking struct {
	testing.TB
	b LookerBench
	s deliver.Sender
}

// open begins a process.
func (l *looking) open(doubts bool) {
	l.Helper()
	l.close()
	l.s = l.b.Open(l.TB)
	looker, ok := l.s.(deliver.Looker)
	if !ok {
		l.Fatal("it is no Looker")
	}
	looker.Hold(doubts)
	l.Cleanup(func() { l.close() })
}

func (l *looking) close() {
	if l.s != nil {
		if err := l.s.Close(); err != nil {
			l.Errorf("Close: %v", err)
		}
		l.s = nil
	}
}

func (l *looking) send(i int, text string, again bool) error {
	m := outgoing(i, text)
	m.Folder, m.Again = l.b.Folder, again
	return l.s.Send(context.Background(), m)
}

func (l *looking) must(i int, text string, again bool) {
	l.Helper()
	if err := l.send(i, text, again); err != nil {
		l.Fatalf("Send of %d, again %v: %v", i, again, err)
	}
}

// lose sends a message whose answer is lost.
func (l *looking) lose(i int, text string, again, stored bool) {
	l.Helper()
	l.b.Lose(stored)
	if e := fails(l.TB, "a lost answer", l.send(i, text, again)); !e.Uncertain {
		l.Fatalf("Send without an answer: %v, and that is no doubt", e)
	}
}

// unsure sends a message of which nobody can tell.
func (l *looking) unsure(i int, text string) {
	l.Helper()
	var e *deliver.Error
	err := l.send(i, text, true)
	if !errors.Is(err, deliver.ErrInferred) || errors.As(err, &e) {
		l.Errorf("where nothing tells, Send gave %v, want ErrInferred and no *Error", err)
	}
}

// there compares what is there with what should be.
func (l *looking) there(when string, want ...string) {
	l.Helper()
	arrived(l.TB, SenderBench{Arrived: func(t testing.TB) (all []Arrival) {
		for _, text := range l.b.Arrived(t) {
			all = append(all, Arrival{Body: text})
		}
		return all
	}}, when, want...)
}

// ordinary is a message with all that tells one from others.
func ordinary(i int) string {
	return fmt.Sprintf("Received: by mx.example id x%[1]d; Sat, 28 Nov 2026 10:00:00 +0000\r\nMessage-ID: <%[1]d@a.example>\r\n"+
		"Date: Sat, 28 Nov 2026 09:59:00 +0000\r\nSubject: number %[1]d\r\n\r\nThe text of %[1]d.\r\n", i)
}

// bare is one that only its text tells from others.
func bare(i int) string { return fmt.Sprintf("Subject: hello\r\n\r\nThe text of %d.\r\n", i) }

func foundAfterDoubt(l *looking) {
	for i, text := range []string{ordinary(0), bare(1), ordinary(2), bare(3)} {
		l.open(i > 1)
		before := l.b.Arrived(l.TB)
		l.lose(i, text, false, true)
		if i%2 == 0 {
			l.open(true)
		}
		l.must(i, text, true)
		l.there("found", append(before, text)...)
		l.must(i, text, true)
		l.open(true)
		l.must(i, text, true)
		l.there("asked again", append(before, text)...)
	}
}

func sentWhenNotThere(l *looking) {
	l.open(false)
	var all []string
	for i := range 4 {
		text := ordinary(i)
		l.lose(i, text, false, false)
		if i > 1 {
			l.open(true)
		}
		l.must(i, text, true)
		all = append(all, text)
		l.there("sent again", all...)
	}
}

func manyInDoubt(l *looking) {
	l.open(false)
	l.must(0, ordinary(0), false)
	all := []string{ordinary(0)}
	for i := 1; i < 12; i++ {
		l.lose(i, ordinary(i), false, i%3 > 0)
		if i == 6 {
			l.open(true)
		}
		all = append(all, ordinary(i))
	}
	l.open(true)
	for i := 1; i < 12; i++ {
		l.must(i, ordinary(i), true)
	}
	l.there("after all doubts", all...)
}

func anotherWithItsID(l *looking) {
	l.open(false)
	l.must(0, ordinary(0), false)
	other := strings.Replace(ordinary(1), "The text", "Another text", 1)
	l.lose(1, ordinary(1), false, false)
	l.b.Foreign(other)
	third := strings.Replace(ordinary(1), "id x1;", "id y1;", 1)
	l.b.Foreign(third)
	l.open(true)
	l.must(1, ordinary(1), true)
	l.there("beside one with its Message-ID", ordinary(0), other, third, ordinary(1))
}

// copyFromBefore: what was there before the first try is nobody's of ours, and what was stored by the very first one is.
func copyFromBefore(l *looking) {
	l.b.Foreign(ordinary(0))
	l.open(false)
	l.lose(0, ordinary(0), false, false)
	l.must(0, ordinary(0), true)
	l.there("with a copy of somebody else's from before", ordinary(0), ordinary(0))
}

func twins(l *looking) {
	text := ordinary(0)
	l.open(false)
	l.must(0, text, false)
	l.lose(1, text, false, false)
	l.must(1, text, true)
	l.there("the second of twins was lost", text, text)
	l.lose(2, text, false, true)
	l.lose(3, text, false, false)
	l.open(true)
	l.must(3, text, true) // it may take the copy of 2, if 2 does not as well
	l.must(2, text, true)
	l.there("two of four twins in doubt, one of them lost", text, text, text, text)
	l.lose(4, text, false, true)
	l.must(5, text, false)
	l.open(true)
	l.must(4, text, true)
	l.must(5, text, true)
	l.there("a twin came after the doubt", text, text, text, text, text, text)
}

func numberedAnew(l *looking) {
	l.open(false)
	l.must(0, ordinary(0), false)
	l.lose(1, ordinary(1), false, true)
	l.b.Renew()
	l.open(true)
	l.unsure(1, ordinary(1))
	l.there("numbered anew", ordinary(0), ordinary(1))
	l.must(2, ordinary(2), false)
	l.lose(3, ordinary(3), false, true)
	l.must(3, ordinary(3), true)
	l.there("after that", ordinary(0), ordinary(1), ordinary(2), ordinary(3))
	l.unsure(1, ordinary(1))
}

func looksFail(l *looking) {
	l.open(false)
	l.must(0, ordinary(0), false)
	l.lose(1, ordinary(1), false, true)
	l.b.Blind(true)
	for try := 0; ; try++ {
		l.open(true)
		err := l.send(1, ordinary(1), true)
		if errors.Is(err, deliver.ErrInferred) {
			break
		}
		if e := fails(l.TB, "a look that failed", err); e.Scope != deliver.WholeTarget || e.Permanent || try > 10 {
			l.Fatalf("a look that fails for the %d. time: %v", try+1, err)
		}
	}
	l.there("no look", ordinary(0), ordinary(1))
	l.must(2, ordinary(2), false)
	l.b.Blind(false)
	l.there("others go on", ordinary(0), ordinary(1), ordinary(2))
}

// headersAreChanged: duplicates are never more than doubts, and nothing is lost.
func headersAreChanged(l *looking) {
	if l.b.Rewrite == nil {
		return
	}
	l.b.Rewrite(true)
	l.open(false)
	l.must(0, ordinary(0), false)
	for i := 1; i < 4; i++ {
		l.lose(i, ordinary(i), false, i != 2)
		if err := l.send(i, ordinary(i), true); err != nil && !errors.Is(err, deliver.ErrInferred) {
			l.Fatalf("where headers are changed: %v", err)
		} else if n := len(l.b.Arrived(l.TB)); err == nil && i == 2 && n < i+1 {
			l.Errorf("%d messages, and the last is lost", n)
		}
	}
	if n := len(l.b.Arrived(l.TB)); n > 4+3 {
		l.Errorf("%d copies of 4 messages after 3 doubts", n)
	}
}

func notTriedBefore(l *looking) {
	l.open(false)
	l.b.Blind(true) // nothing is looked for
	for i := range 5 {
		l.must(i, ordinary(i), false)
	}
	l.there("with no look", ordinary(0), ordinary(1), ordinary(2), ordinary(3), ordinary(4))
}

// settledAndWanted: a person may want a message once more.
func settledAndWanted(l *looking) {
	l.open(false)
	l.must(0, ordinary(0), false)
	l.must(0, ordinary(0), false)
	l.there("in one process", ordinary(0), ordinary(0))
	l.open(false)
	l.must(0, ordinary(0), false)
	l.lose(0, ordinary(0), false, true)
	l.there("in another", ordinary(0), ordinary(0), ordinary(0), ordinary(0))
}
