package smtp

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/popsync/popsync/deliver"
)

// flight is the plainest envelope in one piece, with the answers to it.
var (
	flight  = mailCmd.want + rcpt.want + data.want
	answers = join("250 ok", "250 ok", "354 go")
)

func textOf(id string) string { return strings.ReplaceAll(letterOf(id), "\r\n.", "\r\n..") + ".\r\n" }

// TestAheadTranscript wants every octet of three messages on one connection.
func TestAheadTranscript(t *testing.T) {
	r := newRig(t, hello("PIPELINING").and(
		turn{flight, answers},
		turn{textOf("id1") + flight, join("250 queued") + answers},
		turn{textOf("id2") + flight, join("554 no") + answers},
		turn{textOf("id3"), join("250 queued")}))
	s := r.sender(nil)
	for i, short := range []string{"ok", "message permanent", "ok"} {
		wants(t, s.Send(t.Context(), row("id1", "id2", "id3")[i]), short)
	}
	r.end(s)
}

// TestAheadNot: where an envelope cannot go ahead, all is as without.
func TestAheadNot(t *testing.T) {
	var many []string
	for i := range 200 {
		many = append(many, fmt.Sprintf("recipient-%04d@y.example", i))
	}
	for name, tt := range map[string]struct {
		offers string
		change func(*Options)
		next   func(*deliver.Outgoing)
		conns  int
	}{
		"no PIPELINING":         {"SIZE", nil, nil, 1},
		"the connection's last": {"PIPELINING", func(o *Options) { o.PerConnection = 1 }, nil, 2},
		"more than one flight":  {"PIPELINING", func(o *Options) { o.To = many }, nil, 1},
		"too large":             {"PIPELINING,SIZE 100", nil, func(m *deliver.Outgoing) { *m = outgoing("id2", strings.Repeat("x", 200)) }, 1},
		"another length":        {"PIPELINING", nil, func(m *deliver.Outgoing) { m.Octets++ }, 1},
		"no id":                 {"PIPELINING", nil, func(m *deliver.Outgoing) { m.ID = "" }, 1},
		"unreadable": {"PIPELINING", nil, func(m *deliver.Outgoing) {
			m.Body = &failing{strings.NewReader(letterOf("id2")), 0, errors.New("disk")}
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := newMX(t)
				x.offers = tt.offers
				s := x.sender(tt.change)
				all := row("id1", "id2")
				if tt.next != nil {
					tt.next(all[0].Next)
				}
				for _, m := range all {
					wants(t, s.Send(t.Context(), m), "ok")
				}
				x.over(s, 0, "id1", "id2")
				if x.conns != tt.conns {
					t.Errorf("%d connections, want %d", x.conns, tt.conns)
				}
			})
		})
	}
}

// TestAheadNotAgain: what followed a message may be why it was in doubt, so on its next try nothing does.
func TestAheadNotAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newMX(t)
		x.offers = "PIPELINING"
		s := x.sender(nil)
		all := row("id1", "id2", "id3")
		all[0].Again = true
		for _, m := range all {
			wants(t, s.Send(t.Context(), m), "ok")
		}
		x.over(s, 1, "id1", "id2", "id3")
	})
}

// over closes the Sender and looks at what the server has.
func (x *mx) over(s *Sender, aheads int, ids ...string) {
	x.t.Helper()
	if err := s.Close(); err != nil {
		x.t.Error(err)
	}
	x.wg.Wait()
	if x.open != 0 || x.top > s.o.Connections {
		x.t.Errorf("%d connections are open, %d were at most", x.open, x.top)
	}
	if aheads >= 0 && x.aheads != aheads {
		x.t.Errorf("%d envelopes came ahead, want %d", x.aheads, aheads)
	}
	for _, id := range ids {
		if got := x.accepted[id]; len(got) != 1 || got[0] != letterOf(id) {
			x.t.Errorf("%s: %q", id, got)
		}
	}
	n := 0
	for _, all := range x.accepted {
		n += len(all)
	}
	if ids != nil && n != len(ids) {
		x.t.Errorf("%d messages arrived, want %d", n, len(ids))
	}
}

// TestAheadInPart: a recipient refused as if the command were out of place is asked for again, although another one was
// accepted and the server waits for the content.
func TestAheadInPart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newMX(t)
		x.answer = func(q asked) answer {
			if q.ahead && q.to == "z@y.example" {
				return answer{"503 no", goOn}
			}
			return answer{}
		}
		s := x.sender(func(o *Options) { o.To = []string{"x@y.example", "z@y.example"} })
		for _, m := range row("id1", "id2", "id3") {
			wants(t, s.Send(t.Context(), m), "ok")
		}
		x.over(s, 1, "id1", "id2", "id3")
		if len(x.cut) != 1 || x.cut[0] != "" {
			t.Errorf("sent after DATA: %q", x.cut)
		}
	})
}

// TestAheadLMTP: with two recipients the answers are counted. The first message has nothing behind it, as a reply that is
// left out would not be missed.
func TestAheadLMTP(t *testing.T) {
	both := func(o *Options) { o.To = []string{"x@y.example", "z@y.example"} }
	t.Run("both", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			x := newMX(t)
			x.lmtp = true
			x.answer = func(q asked) answer {
				if q.verb == endOfData && q.id == "id2" && q.to == "z@y.example" || q.verb == "RCPT" && q.id == "id3" && q.to == "x@y.example" {
					return answer{"450 no", goOn}
				}
				return answer{}
			}
			s := x.sender(both)
			for i, m := range row("id1", "id2", "id3", "id4") {
				wants(t, s.Send(t.Context(), m), []string{"ok", "message rest", "message envelope vouched rest", "ok"}[i])
			}
			x.over(s, 2, "id1", "id2", "id3", "id4")
		})
	})
	t.Run("one reply for two", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			x := newMX(t)
			x.lmtp = true
			x.answer = func(q asked) answer {
				if q.verb == endOfData && q.to == "z@y.example" {
					return answer{"", sulk}
				}
				return answer{}
			}
			s := x.sender(both)
			wants(t, s.Send(t.Context(), row("id1", "id2")[0]), "target uncertain rest")
			x.over(s, 0, "id1")
		})
	})
}

// TestAheadRest: the rest of the recipients is another envelope.
func TestAheadRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newMX(t)
		s := x.sender(func(o *Options) { o.To = []string{"x@y.example", "z@y.example"} })
		rest := encodeRest(s.o.To, []bool{false, true})
		all := row("id1", "id2", "id3")
		all[0].Next.Rest = rest
		wants(t, s.Send(t.Context(), all[0]), "ok")
		wants(t, s.Send(t.Context(), all[1]), "ok") // to both: by another connection
		all[1].Next.Rest, all[2].Rest = rest, rest
		wants(t, s.Send(t.Context(), all[2]), "ok") // all[1] had it without a Rest
		x.over(s, -1, "id1", "id2", "id3")
		if x.conns != 3 {
			t.Errorf("%d connections", x.conns)
		}
	})
}

// TestAheadReadsOnce: the next message is read for its envelope once, and once for its text.
func TestAheadReadsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newMX(t)
		s := x.sender(nil)
		all := row("id1", "id2")
		wants(t, s.Send(t.Context(), all[0]), "ok")
		body := &seeks{Reader: strings.NewReader(letterOf("id2"))}
		all[1].Body = body
		wants(t, s.Send(t.Context(), all[1]), "ok")
		if body.n != 1 {
			t.Errorf("it was read %d times", body.n)
		}
		x.over(s, 1, "id1", "id2")
	})
}

type seeks struct {
	*strings.Reader
	n int
}

func (s *seeks) Seek(off int64, whence int) (int64, error) {
	s.n++
	return s.Reader.Seek(off, whence)
}
