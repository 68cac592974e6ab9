package fetcher

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/pop3/pop3test"
)

// A server that never ends one message, because LF is missing behind the dot: that one stays and is charged, all others come
// once.
func TestOneMessageNeverEnds(t *testing.T) {
	for variant := range 8 {
		t.Run(fmt.Sprint(variant), func(t *testing.T) {
			c := &wireCase{box: wireBox(8, variant&1 > 0), learned: variant&2 > 0, stays: map[string]bool{"uid002": true}, patient: 8}
			c.options.NoPipelining = variant&4 > 0
			c.policy.Delete = plan.DeleteAfterDelivery
			c.each = func(_ int, verb string, m pop3test.Message, reply []byte) []byte {
				if verb == "RETR" && m.UID == "uid002" {
					return reply[:len(reply)-1]
				}
				return reply
			}
			parked := false
			c.after = func(_ int, rep report.Report, _ map[string]int, _ health.Facts) { parked = parked || rep.Parked > 0 }
			c.fine(t)
			if !parked {
				t.Error("nobody was charged")
			}
		})
	}
}

// Servers that close after so many messages, or so many octets, in each session: all mail arrives in one pass.
func TestClosesEarly(t *testing.T) {
	for variant := range 16 {
		t.Run(fmt.Sprint(variant), func(t *testing.T) {
			c := &wireCase{box: wireBox(50, variant&1 > 0), learned: variant&2 > 0}
			c.options.NoPipelining = variant&4 > 0
			if variant&8 > 0 { // sizes without a rule, never too large
				for i := range c.box {
					c.box[i].ListSize = int64(len(c.box[i].Data) - 1 - i%7)
				}
			}
			c.policy.Delete = plan.DeleteAfterDelivery
			told := map[*pop3test.Session]int{}
			c.options.OnCommand = func(s *pop3test.Session, verb, _ string) *pop3test.Reply {
				if verb == "RETR" {
					told[s]++
				}
				if told[s] > 20 {
					return &pop3test.Reply{Close: true}
				}
				return nil
			}
			c.after = func(day int, rep report.Report, arrived map[string]int, f health.Facts) {
				if day == 0 && rep.New != 50 || f.Wire.Lost > 0 || f.NoPipeliningUntil != 0 {
					t.Errorf("day %d: %d came, %+v, %+v", day, rep.New, rep.Verdict, f.Wire)
				}
			}
			c.fine(t)
		})
	}
}

// LIST n that is answered with the whole listing, with -ERR, with another size, by closing: mail arrives all the same, and
// nothing is taken for lost step.
func TestListOfOneMessage(t *testing.T) {
	for name, answer := range map[string]func(n int, reply []byte) *pop3test.Reply{
		"whole": func(int, []byte) *pop3test.Reply {
			return &pop3test.Reply{Raw: []byte("+OK 3 messages\r\n1 100\r\n2 100\r\n.\r\n")}
		},
		"count": func(n int, _ []byte) *pop3test.Reply {
			return &pop3test.Reply{Raw: fmt.Appendf(nil, "+OK %d 200\r\n1 100\r\n.\r\n", n)}
		},
		"no": func(int, []byte) *pop3test.Reply { return &pop3test.Reply{Raw: []byte("-ERR no arguments\r\n")} },
		"size": func(n int, _ []byte) *pop3test.Reply {
			return &pop3test.Reply{Raw: fmt.Appendf(nil, "+OK %d 7\r\n", n)}
		},
		"words": func(n int, _ []byte) *pop3test.Reply {
			return &pop3test.Reply{Raw: fmt.Appendf(nil, "+OK message %d has 7 octets\r\n", n)}
		},
		"closes": func(int, []byte) *pop3test.Reply { return &pop3test.Reply{Close: true} },
	} {
		for variant := range 16 {
			t.Run(fmt.Sprint(name, variant), func(t *testing.T) {
				c := &wireCase{box: wireBox(12, variant&1 > 0), learned: variant&2 > 0}
				c.options.NoPipelining, c.options.NoTOP = variant&4 > 0, variant&8 > 0
				for i := range c.box { // wrong sizes, so that it is needed
					c.box[i].ListSize = int64(len(c.box[i].Data) - 1 - i*i%7)
				}
				c.policy.Delete = plan.DeleteAfterDelivery
				c.options.OnCommand = func(s *pop3test.Session, verb, arg string) *pop3test.Reply {
					if verb != "LIST" || arg == "" {
						return nil
					}
					var n int
					fmt.Sscan(arg, &n)
					return answer(n, nil)
				}
				c.after = func(day int, rep report.Report, arrived map[string]int, f health.Facts) {
					if day == 0 && rep.New != 12 || f.Wire.Lost > 0 {
						t.Errorf("day %d: %d came, %+v, %+v", day, rep.New, rep.Verdict, f.Wire)
					}
				}
				c.fine(t)
			})
		}
	}
}

// A server that says EXPIRE 0 deletes at QUIT what was retrieved: a short message is neither lost nor does it stop others.
func TestShortWhereQuitDeletes(t *testing.T) {
	for _, always := range []bool{false, true} {
		c := &wireCase{box: wireBox(8, false), learned: true, apart: 5 * time.Hour, patient: 14, hides: true}
		c.options.HideRetr = true
		c.options.OnCommand = func(_ *pop3test.Session, verb, _ string) *pop3test.Reply {
			if verb == "CAPA" {
				return &pop3test.Reply{Raw: []byte("+OK\r\nTOP\r\nUIDL\r\nPIPELINING\r\nUSER\r\nEXPIRE 0\r\n.\r\n")}
			}
			return nil
		}
		if always {
			c.box[3].ListSize = int64(len(c.box[3].Data) + 400)
		} else {
			c.box[3] = message(c.box[3].UID, strings.Repeat("a line of it\r\n", 200))
			c.each = func(day int, verb string, m pop3test.Message, reply []byte) []byte {
				if verb == "RETR" && m.UID == "uid003" && day < 4 {
					return stump(reply, 1200)
				}
				return reply
			}
		}
		c.after = func(day int, rep report.Report, arrived map[string]int, f health.Facts) {
			if day == 1 && len(arrived)-20 != 7 {
				t.Errorf("always %v: %d came, others were to wait for nothing: %+v", always, len(arrived)-20, rep)
			}
		}
		c.fine(t)
	}
}

// TOP that is cut before the header's end tells nothing: no message is taken for another one.
func TestTopCut(t *testing.T) {
	c := &wireCase{box: wireBox(6, false), patient: 4}
	c.policy = plan.Policy{Delete: plan.DeleteAfterAge, Age: 48 * time.Hour}
	c.each = func(day int, verb string, m pop3test.Message, reply []byte) []byte {
		if verb == "TOP" && day < 6 {
			i := bytes.Index(reply, []byte("Subject"))
			return append(bytes.Clone(reply[:i]), ".\r\n"...)
		}
		return reply
	}
	c.fine(t)
}
