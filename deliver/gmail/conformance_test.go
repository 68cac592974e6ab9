package gmail

import (
	"strings"
	"sync"
	"testing"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/delivertest"
	"github.com/popsync/popsync/deliver/gmail/gmailtest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	delivertest.RunSender(t, func(t testing.TB) delivertest.SenderBench {
		w := newWorld(t, gmailtest.Options{Lax: true})
		return delivertest.SenderBench{
			Open: func(testing.TB) deliver.Sender { return w.open(true) },
			Arrived: func(testing.TB) (all []delivertest.Arrival) {
				for _, m := range w.server.Messages() {
					all = append(all, delivertest.Arrival{Body: m.Raw})
				}
				return all
			},
			Stored: func(body string) (string, bool) { return body, body != "" },
		}
	})
}

// loser makes the answers to one message get lost, as long as somebody asks for them.
type loser struct {
	mu     sync.Mutex
	armed  bool
	stored bool
	lost   bool // of the upload; its session is silent, too, once
}

func (l *loser) fault(c gmailtest.Call) (f gmailtest.Fault) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case c.Kind == "status" && l.lost:
		l.lost = false
		f.CutBefore = true
	case (c.Kind == "import" || c.Kind == "upload") && l.armed:
		l.armed, l.lost = false, c.Kind == "upload"
		f.CutAfter, f.Lose = l.stored, !l.stored
	}
	return f
}

func TestLooks(t *testing.T) {
	t.Parallel()
	delivertest.RunLooker(t, func(t testing.TB) delivertest.LookerBench {
		l := &loser{}
		w := newWorld(t, gmailtest.Options{Lax: true, Fault: l.fault})
		return delivertest.LookerBench{
			Merges: true,
			Open:   func(testing.TB) deliver.Sender { return w.open(true) },
			Folder: w.copies,
			Lose: func(stored bool) {
				l.mu.Lock()
				defer l.mu.Unlock()
				l.armed, l.stored = true, stored
			},
			Foreign: w.server.Put,
			Renew:   w.server.Expire,
			Blind:   func(bool) {},
			Arrived: func(testing.TB) (all []string) {
				for _, m := range w.server.Messages() {
					all = append(all, m.Raw)
				}
				return all
			},
		}
	})
}

// What Gmail has already is not sent again by a process that is told to look.
func TestKnownAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gmailtest.Options{})
	s := w.open(false)
	w.must(w.send(s, "one", named(1), false))
	w.must(w.send(s, "two", bare(2), false))
	s.Close()
	s = w.open(true)
	w.must(w.send(s, "one", named(1), true))
	w.must(w.send(s, "two", bare(2), true))
	if n := w.server.Calls("import") + w.server.Calls("begin"); n != 2 {
		t.Errorf("%d imports", n)
	}
	w.must(w.send(s, "one", named(1), false)) // wanted once more
	w.has("at last", named(1), bare(2))
}

// Two messages of ours with one Message-ID are one at Gmail: that is told, and the second is never taken for delivered.
func TestMerged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gmailtest.Options{})
	other := strings.Replace(named(1), "The text", "Another text", 1)
	for _, anew := range []bool{false, true} {
		s := w.open(!anew)
		if !anew {
			w.must(w.send(s, "one", named(1), false))
		}
		for _, text := range []string{other, named(1)} {
			err := w.send(s, "two", text, false)
			if !errorsIsInferred(err) || !strings.Contains(err.Error(), "merged by Gmail") {
				t.Errorf("anew %v: %v", anew, err)
			}
		}
		w.must(w.send(s, "one", named(1), false)) // the same one is no other
		s.Close()
	}
	w.has("merged", named(1))
}
