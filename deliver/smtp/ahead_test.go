package smtp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

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

// TestAheadRefused crosses what may become of a message with what may become of the envelope behind it, command by
// command. Each is judged by its own answer. What happens only to an envelope that came ahead costs its message nothing.
func TestAheadRefused(t *testing.T) {
	firsts := map[string]struct {
		answer
		short string
	}{
		"250":    {answer{}, "ok"},
		"451":    {answer{"451 no", goOn}, "message"},
		"550":    {answer{"550 no", goOn}, "message permanent"},
		"554":    {answer{"554 no", goOn}, "message permanent"},
		"421":    {answer{"421 no", end}, "target"},
		"lost":   {answer{"", end}, "target uncertain"},
		"silent": {answer{"", sulk}, "target uncertain"},
	}
	seconds := map[string]struct {
		answer
		short  string
		always bool
	}{
		"450":          {answer{"450 no", goOn}, "message envelope vouched", true},
		"550":          {answer{"550 no", goOn}, "message permanent envelope vouched", true},
		"503":          {answer{"503 no", goOn}, "message permanent envelope vouched", true},
		"503 if ahead": {answer{"503 no", goOn}, "ok", false},
		"451 if ahead": {answer{"451 sync", goOn}, "ok", false},
		"554 if ahead": {answer{"554 sync", goOn}, "ok", false},
		"500 if ahead": {answer{"500 no", goOn}, "ok", false},
		"421":          {answer{"421 no", end}, "ok", false},
		"lost":         {answer{"", end}, "ok", false},
		"silent":       {answer{"", sulk}, "ok", false},
		"odd":          {answer{"399 no", goOn}, "ok", false},
		"no reply":     {answer{"what", goOn}, "ok", false},
		"too many":     {answer{"", garbage}, "ok", false},
		"forgotten":    {answer{"", forget}, "ok", false},
	}
	for n, first := range firsts {
		for m, second := range seconds {
			for _, verb := range []string{"MAIL", "RCPT", "DATA"} {
				t.Run(n+", "+verb+" "+m, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						x := newMX(t)
						x.answer = func(q asked) answer {
							switch {
							case q.id == "id1" && q.verb == endOfData:
								return first.answer
							case q.id == "id2" && q.verb == verb && (q.ahead || second.always):
								return second.answer
							}
							return answer{}
						}
						s := x.sender(nil)
						all := row("id1", "id2")
						start := time.Now()
						err := s.Send(t.Context(), all[0])
						wants(t, err, first.short)
						wait := 10 * time.Minute
						if n != "silent" {
							wait = time.Second
						}
						if took := time.Since(start); took > wait+time.Second {
							t.Errorf("the first took %v", took)
						}
						start = time.Now()
						wants(t, s.Send(t.Context(), all[1]), second.short)
						wants(t, s.Send(t.Context(), outgoing("id3", letterOf("id3"))), "ok")
						if took := time.Since(start); took > aheadPatience+time.Second {
							t.Errorf("the others took %v", took)
						}
						want := []string{"id3"}
						if n == "250" {
							want = append(want, "id1")
						}
						if second.short == "ok" {
							want = append(want, "id2")
						}
						x.over(s, -1, want...)
						if x.aheads == 0 {
							t.Error("nothing was sent ahead")
						}
					})
				})
			}
		}
	}
}

// TestAheadGivenUp: after a server was seen not to understand it, nothing is sent ahead, and where it has understood it
// before, an end of the connection proves nothing.
func TestAheadGivenUp(t *testing.T) {
	for _, tt := range []struct {
		name  string
		on    string // which message's
		verb  string
		early bool // only ahead
		a     answer
		want  int
	}{
		{"all goes well", "", "", true, answer{}, 5},
		{"silence", "id2", "DATA", true, answer{"", sulk}, 1},
		{"silence later", "id3", "RCPT", true, answer{"", sulk}, 2},
		{"end", "id2", "MAIL", true, answer{"", end}, 1},
		{"end later", "id3", "MAIL", true, answer{"", end}, 5},
		{"421", "id2", "MAIL", true, answer{"421 no", end}, 1},
		{"421 later", "id3", "DATA", true, answer{"421 no", end}, 5},
		{"odd later", "id3", "DATA", true, answer{"250 no", goOn}, 2},
		{"554 if ahead", "id2", "MAIL", true, answer{"554 no", goOn}, 1},
		{"503 if ahead", "id3", "MAIL", true, answer{"503 no", goOn}, 2},
		{"thrown away", "id1", endOfData, false, answer{"", forget}, 1},
		{"thrown away in part", "id2", "MAIL", true, answer{"", forget}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := newMX(t)
				x.answer = func(q asked) answer {
					if q.id == tt.on && q.verb == tt.verb && (q.ahead || !tt.early) {
						return tt.a
					}
					return answer{}
				}
				s := x.sender(nil)
				ids := []string{"id1", "id2", "id3", "id4", "id5", "id6"}
				for _, m := range row(ids...) {
					wants(t, s.Send(t.Context(), m), "ok")
				}
				x.over(s, tt.want, ids...)
			})
		})
	}
	// A message that is refused because of the envelope behind it goes without.
	for _, a := range []answer{{"503 sync", goOn}, {"421 sync", end}} {
		t.Run("blamed "+a.text, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := newMX(t)
				x.answer = func(q asked) answer {
					if q.verb == endOfData && q.id == "id1" && q.conn == 1 {
						return a
					}
					return answer{}
				}
				s := x.sender(nil)
				for _, m := range row("id1", "id2", "id3") {
					wants(t, s.Send(t.Context(), m), "ok")
				}
				x.over(s, 1, "id1", "id2", "id3")
			})
		})
	}
	// The end of a message in doubt with an envelope behind it is the last with one.
	t.Run("doubt", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			x := newMX(t)
			x.answer = func(q asked) answer {
				if q.verb == endOfData && q.id == "id1" {
					return answer{"", end}
				}
				return answer{}
			}
			s := x.sender(nil)
			for i, m := range row("id1", "id2", "id3") {
				wants(t, s.Send(t.Context(), m), []string{"target uncertain", "ok", "ok"}[i])
			}
			x.over(s, 1, "id2", "id3")
		})
	})
}

// TestAheadAbandoned: of an envelope whose message never comes nothing is delivered, its connection is in nobody's way,
// and it does not stay open.
func TestAheadAbandoned(t *testing.T) {
	for name, then := range map[string]func(t *testing.T, x *mx, s *Sender){
		"closed": func(*testing.T, *mx, *Sender) {},
		"cancelled": func(t *testing.T, x *mx, s *Sender) { // by the time of its own Send
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			wants(t, s.Send(ctx, outgoing("id2", letterOf("id2"))), "context canceled")
		},
		"idle": func(t *testing.T, x *mx, s *Sender) {
			time.Sleep(abandonAfter - time.Second)
			if open, _ := x.now(); open != 1 {
				t.Errorf("%d connections are open too soon", open)
			}
			time.Sleep(2 * time.Second)
			if open, _ := x.now(); open != 0 {
				t.Errorf("%d connections are open", open)
			}
		},
		"another one": func(t *testing.T, x *mx, s *Sender) {
			wants(t, s.Send(t.Context(), outgoing("id3", letterOf("id3"))), "ok")
			if _, conns := x.now(); conns != 2 {
				t.Errorf("%d connections", conns)
			}
		},
		"of another length": func(t *testing.T, x *mx, s *Sender) {
			wants(t, s.Send(t.Context(), outgoing("id2", letterOf("id2x"))), "ok")
			x.mu.Lock()
			defer x.mu.Unlock()
			x.accepted["id2"] = nil
		},
		"another one is refused": func(t *testing.T, x *mx, s *Sender) {
			m := outgoing("id3", letterOf("id3"))
			m.Octets++
			wants(t, s.Send(t.Context(), m), "message")
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := newMX(t)
				s := x.sender(nil)
				wants(t, s.Send(t.Context(), row("id1", "id2")[0]), "ok")
				synctest.Wait()
				then(t, x, s)
				start := time.Now()
				ids := []string{"id1"}
				if name == "another one" {
					ids = append(ids, "id3")
				}
				x.over(s, 1, ids...)
				for _, text := range x.cut {
					if text != "" {
						t.Errorf("sent after DATA: %q", text)
					}
				}
				if took := time.Since(start); took > time.Second {
					t.Errorf("Close took %v", took)
				}
			})
		})
	}
	t.Run("two lanes, one abandoned", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			x := newMX(t)
			s := x.sender(func(o *Options) { o.Connections = 2 })
			wants(t, s.Send(t.Context(), row("id1", "idx")[0]), "ok")
			for _, m := range row("id2", "id3", "id4") { // beside it
				wants(t, s.Send(t.Context(), m), "ok")
			}
			if open, _ := x.now(); open != 2 {
				t.Errorf("%d connections", open)
			}
			x.over(s, 3, "id1", "id2", "id3", "id4")
		})
	})
	t.Run("cut off within the next", func(t *testing.T) { // its text has begun: nothing arrives without its dot
		synctest.Test(t, func(t *testing.T) {
			x := newMX(t)
			s := x.sender(nil)
			all := row("id1", "id2")
			wants(t, s.Send(t.Context(), all[0]), "ok")
			all[1].Body = &failing{strings.NewReader(letterOf("id2")), 1, errors.New("disk")}
			wants(t, s.Send(t.Context(), all[1]), "message", "disk")
			wants(t, s.Send(t.Context(), outgoing("id3", letterOf("id3"))), "ok")
			x.over(s, 1, "id1", "id3")
		})
	})
}

// TestAheadRefusedAnyway: a server that refuses the first envelope ahead, and again when asked alone, understands; what it
// refuses later is not asked twice, and the messages after that go ahead as before.
func TestAheadRefusedAnyway(t *testing.T) {
	for _, verb := range []string{"MAIL", "RCPT", "DATA"} {
		synctest.Test(t, func(t *testing.T) {
			x := newMX(t)
			times := map[string]int{}
			x.answer = func(q asked) answer {
				if q.verb == verb {
					times[q.id]++
					if q.id == "id2" || q.id == "id5" {
						return answer{"550 no", goOn}
					}
				}
				return answer{}
			}
			s := x.sender(nil)
			for i, m := range row("id1", "id2", "id3", "id4", "id5", "id6", "id7") {
				short := "ok"
				if i == 1 || i == 4 {
					short = "message permanent envelope vouched"
				}
				wants(t, s.Send(t.Context(), m), short)
			}
			x.over(s, 4, "id1", "id3", "id4", "id6", "id7") // behind 1, 3, 4, 6
			if times["id2"] != 2 || times["id5"] != 1 || x.conns != 1 {
				t.Errorf("%s: asked %v, %d connections", verb, times, x.conns)
			}
		})
	}
	// A message refused with an envelope behind it, and alone too: once for a connection.
	synctest.Test(t, func(t *testing.T) {
		x := newMX(t)
		times := map[string]int{}
		x.answer = func(q asked) answer {
			if q.verb == endOfData {
				times[q.id]++
				return answer{"503 no", goOn}
			}
			return answer{}
		}
		s := x.sender(nil)
		for _, m := range row("id1", "id2", "id3") {
			wants(t, s.Send(t.Context(), m), "message permanent")
		}
		x.over(s, -1)
		if times["id1"] != 2 || times["id2"] != 1 || times["id3"] != 1 || x.conns != 2 {
			t.Errorf("sent %v, %d connections", times, x.conns)
		}
	})
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

// TestAheadSlow: the patience is for all the answers together.
func TestAheadSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newMX(t)
		x.answer = func(q asked) answer {
			if q.ahead && q.verb != endOfData {
				time.Sleep(aheadPatience / 2)
			}
			return answer{}
		}
		s := x.sender(nil)
		all := row("id1", "id2", "id3")
		wants(t, s.Send(t.Context(), all[0]), "ok")
		start := time.Now()
		wants(t, s.Send(t.Context(), all[1]), "ok")
		if took := time.Since(start); took.Round(time.Second) != aheadPatience {
			t.Errorf("it took %v", took)
		}
		wants(t, s.Send(t.Context(), all[2]), "ok")
		x.over(s, 1, "id1", "id2", "id3")
	})
}

// TestAheadUnwritable: an envelope of which only a part could be written changes nothing for the message before it, and
// its connection is used no more.
func TestAheadUnwritable(t *testing.T) {
	for _, err := range []error{os.ErrDeadlineExceeded, net.ErrClosed} {
		synctest.Test(t, func(t *testing.T) {
			x := newMX(t)
			x.write = func(b []byte) (int, error) {
				_, conns := x.now()
				if i := bytes.Index(b, []byte("MAIL FROM:<a@b.example> ENVID=id2\r\n")); i > 0 && conns == 1 {
					return i + 10, err
				}
				return 0, nil
			}
			s := x.sender(nil)
			start := time.Now()
			for _, m := range row("id1", "id2", "id3") {
				wants(t, s.Send(t.Context(), m), "ok")
			}
			x.over(s, 1, "id1", "id2", "id3")
			if took := time.Since(start); x.conns != 2 || took > time.Second {
				t.Errorf("%d connections, %v", x.conns, took)
			}
		})
	}
}

// TestAheadDeathAroundTheDot cuts the connection at every octet of a write that has a text and the envelope behind it: in
// doubt is what any receiver could take for a whole message, and all beyond.
func TestAheadDeathAroundTheDot(t *testing.T) {
	for written := range len(text.want + flight) {
		r := newRig(t, hello("PIPELINING").and(turn{flight, answers}, silent))
		r.wrap = func(conn net.Conn) net.Conn {
			return &cutConn{conn, func(b []byte) bool { return bytes.Contains(b, []byte("\r\n.\r\nMAIL")) },
				func([]byte) int { return written }}
		}
		s := r.sender(nil)
		m, next := outgoing("id1", letter), outgoing("id2", letter)
		m.Next = &next
		err := s.Send(t.Context(), m)
		if written >= len(text.want)-1 {
			wants(t, err, "target uncertain")
		} else {
			wants(t, err, "target")
		}
		r.wg.Wait()
	}
}

// TestAheadCancelled ends the context of the next message while its answers are waited for.
func TestAheadCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newMX(t)
		x.answer = func(q asked) answer {
			if q.ahead && q.verb == "RCPT" {
				return answer{"", sulk}
			}
			return answer{}
		}
		s := x.sender(nil)
		all := row("id1", "id2")
		wants(t, s.Send(t.Context(), all[0]), "ok")
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		wants(t, s.Send(ctx, all[1]), "context deadline exceeded")
		wants(t, s.Send(t.Context(), all[1]), "ok")
		x.over(s, 1, "id1", "id2")
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

// TestAheadAtRandom: whatever a server does, as long as it answers in order: what a Send calls done was accepted, and
// nothing was accepted more often than Sends said that it may have been.
func TestAheadAtRandom(t *testing.T) {
	aheads := 0
	for seed := range uint64(400) {
		synctest.Test(t, func(t *testing.T) {
			var mu sync.Mutex
			r := rand.New(rand.NewPCG(seed, 0))
			roll := func(n int) int {
				mu.Lock()
				defer mu.Unlock()
				return r.IntN(n)
			}
			x := newMX(t)
			x.lmtp = seed%4 == 3
			bad := []int{3, 10, 30, 100}[roll(4)]
			x.answer = func(q asked) answer {
				if roll(bad) > 0 {
					return answer{}
				}
				all := []answer{{"450 no", goOn}, {"550 no", goOn}, {"503 no", goOn}, {"554 no", goOn}, {"421 no", end}, {"", end}, {"", sulk},
					{"399 no", goOn}, {"", forget}, {"what", goOn}, {"", garbage}, {"250 ok", end}}
				if x.lmtp || q.verb == "DATA" {
					all = all[:len(all)-2] // replies too many are taken for those of other recipients
				}
				return all[roll(len(all))]
			}
			lanes := 1 + roll(3)
			s := x.sender(func(o *Options) {
				o.Connections, o.PerConnection = lanes, 1+roll(8)
				if x.lmtp {
					o.To = append(o.To, "z@y.example")
				}
			})
			may := map[string]int{}
			must := map[string]bool{}
			var wg sync.WaitGroup
			for lane := range lanes {
				wg.Go(func() {
					ids := make([]string, 12)
					for i := range ids {
						ids[i] = fmt.Sprintf("lane%dno%d", lane, i)
					}
					for i, m := range row(ids...) {
						switch roll(12) {
						case 0:
							continue // abandoned
						case 1:
							m.Next = nil
						case 2:
							time.Sleep(2 * abandonAfter)
						}
						for try := range 3 {
							ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
							if roll(12) == 0 {
								time.AfterFunc(time.Duration(roll(4000))*time.Microsecond, cancel)
							}
							err := s.Send(ctx, m)
							cancel()
							var e *deliver.Error
							mu.Lock()
							known := errors.As(err, &e)
							if err == nil || known && (e.Uncertain || e.Rest != "") {
								may[ids[i]]++
							}
							must[ids[i]] = must[ids[i]] || err == nil
							mu.Unlock()
							if err == nil {
								break
							}
							if known {
								m.Rest = e.Rest
							}
							if !known && !errors.Is(err, context.Canceled) {
								t.Errorf("seed %d, try %d: %v", seed, try, err)
							}
						}
					}
				})
			}
			wg.Wait()
			x.over(s, -1)
			aheads += x.aheads
			for lane := range lanes {
				for i := range 12 {
					id := fmt.Sprintf("lane%dno%d", lane, i)
					got := x.accepted[id]
					if must[id] && len(got) == 0 || len(got) > may[id] {
						t.Errorf("seed %d: %s was accepted %d times, done %v, at most %d", seed, id, len(got), must[id], may[id])
					}
					for _, text := range got {
						if text != letterOf(id) {
							t.Errorf("seed %d: %s became %q", seed, id, text)
						}
					}
				}
			}
		})
	}
	if aheads < 1000 {
		t.Errorf("%d envelopes came ahead", aheads)
	}
}
