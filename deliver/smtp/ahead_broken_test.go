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
