package smtp

import (
	"bufio"
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/delivertest"
	"github.com/popsync/popsync/pop3/pop3test/fault"
)

// mx is a mail server that understands what it gets, and answers as it is told. It runs within a synctest bubble,
// unless it is hasty.
type mx struct {
	t      testing.TB
	lmtp   bool
	hasty  bool                            // answers the end of a message at once, and does not look whether an envelope came ahead
	offers string                          // with commas
	answer func(asked) answer              // nil, or one with no text: all is accepted
	write  func([]byte) (n int, err error) // of the client, instead of all; nil error: it is written

	mu        sync.Mutex
	conns     int
	open, top int                 // connections of the client, now and at most
	aheads    int                 // envelopes that came before the message before them was answered
	accepted  map[string][]string // by ENVID: the texts of messages that the server took, for at least one recipient
	cut       []string            // what came of messages that have no end
	wg        sync.WaitGroup
}

// asked is what is to be answered.
type asked struct {
	conn  int    // from 1
	verb  string // MAIL, RCPT, DATA, RSET, or endOfData
	id    string // ENVID of the transaction
	to    string // of RCPT, and of endOfData with LMTP
	ahead bool   // the envelope came before the message before it was answered
}

type answer struct {
	text string // code and text
	then int
}

// What a server does after an answer.
const (
	goOn    = iota
	end     // closes
	sulk    // reads on and answers nothing any more, nor this
	forget  // throws away what it has received so far
	garbage // says something nobody asked for
)

func newMX(t testing.TB) *mx {
	return &mx{t: t, offers: "PIPELINING", accepted: map[string][]string{}}
}

// sender is one to this server; everything else is as in options.
func (x *mx) sender(change func(*Options)) *Sender {
	x.t.Helper()
	o := Options{Address: "mx.example.org:25", TLS: NoTLS, Helo: "me.example", From: "a@b.example", LMTP: x.lmtp,
		To: []string{"x@y.example"}, Dial: x.dial}
	if change != nil {
		change(&o)
	}
	s, err := New(o)
	if err != nil {
		x.t.Fatal(err)
	}
	return s
}

func (x *mx) dial(context.Context, string, string) (net.Conn, error) {
	client, server := fault.Pipe()
	x.mu.Lock()
	defer x.mu.Unlock()
	x.conns++
	x.open++
	x.top = max(x.top, x.open)
	n := x.conns
	x.wg.Go(func() {
		defer server.Close()
		x.serve(n, server)
	})
	return &counted{Conn: client, x: x}, nil
}

type counted struct {
	net.Conn
	x    *mx
	once sync.Once
}

func (c *counted) Write(b []byte) (int, error) {
	if c.x.write != nil {
		if n, err := c.x.write(b); err != nil {
			_, _ = c.Conn.Write(b[:n])
			return n, err
		}
	}
	return c.Conn.Write(b)
}

func (c *counted) Close() error {
	c.once.Do(func() {
		c.x.mu.Lock()
		c.x.open--
		c.x.mu.Unlock()
	})
	return c.Conn.Close()
}

// now is how many connections the client has, and how many it ever had.
func (x *mx) now() (open, conns int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.open, x.conns
}

func (x *mx) serve(n int, conn net.Conn) {
	in := bufio.NewReader(conn)
	say := func(text string) { _, _ = io.WriteString(conn, text+"\r\n") }
	say("220 mx")
	state := asked{conn: n}
	var to []string
	mail, sulking := false, false
	text, taken := "", false // of a message that has come to its end
	// reply answers one thing; ok when it was accepted. A message counts before its reply is sent.
	reply := func(verb, rcpt, usual string) (ok, more bool) {
		state.verb, state.to = verb, rcpt
		a := answer{}
		if x.answer != nil {
			a = x.answer(state)
		}
		if a.text == "" && (a.then == goOn || a.then == garbage || a.then == forget) {
			a.text = usual
		}
		if sulking = sulking || a.then == sulk; sulking {
			return false, true
		}
		if a.then == forget {
			_ = conn.SetReadDeadline(time.Now().Add(time.Millisecond))
			_, _ = io.Copy(io.Discard, in)
			_ = conn.SetReadDeadline(time.Time{})
		}
		ok = a.text != "" && (a.text[0] == '2' || a.text[0] == '3')
		if verb == endOfData && ok && !taken {
			taken = true
			x.mu.Lock()
			x.accepted[state.id] = append(x.accepted[state.id], text)
			x.mu.Unlock()
		}
		if a.text != "" {
			say(a.text)
		}
		if a.then == garbage {
			say("250 by the way")
		}
		return ok, a.then != end && !strings.HasPrefix(a.text, "421")
	}
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimSuffix(line, "\r\n")
		verb, _, _ := strings.Cut(line, " ")
		more := true
		var ok bool
		switch {
		case verb == "EHLO" || verb == "LHLO":
			say(strings.TrimSuffix(multi(250, append([]string{"mx", "DSN"}, strings.Split(x.offers, ",")...)...), "\r\n"))
		case verb == "QUIT":
			say("221 bye")
		case verb == "RSET":
			mail, to, state.ahead = false, nil, false
			_, more = reply("RSET", "", "250 ok")
		case verb == "MAIL":
			_, state.id, _ = strings.Cut(line, "ENVID=")
			to = nil
			mail, more = reply("MAIL", "", "250 ok")
		case verb == "RCPT" && !mail, verb == "DATA" && len(to) == 0:
			if !sulking {
				say("503 no")
			}
		case verb == "RCPT":
			_, a, _ := strings.Cut(line, "<")
			a, _, _ = strings.Cut(a, ">")
			if ok, more = reply("RCPT", a, "250 ok"); ok {
				to = append(to, a)
			}
		case verb == "DATA":
			if ok, more = reply("DATA", "", "354 go"); ok && more {
				if sulking {
					break
				}
				var whole bool
				if text, whole = readText(in); !whole {
					x.mu.Lock()
					x.cut = append(x.cut, text)
					x.mu.Unlock()
					return
				}
				// What the client sends without waiting for the answer is here now.
				early := false
				if !x.hasty {
					time.Sleep(time.Millisecond)
					_ = conn.SetReadDeadline(time.Now().Add(time.Millisecond))
					_, err := in.Peek(1)
					_ = conn.SetReadDeadline(time.Time{})
					early = err == nil
				}
				if !x.lmtp {
					to = to[:1]
				}
				taken = false
				if early {
					x.mu.Lock()
					x.aheads++
					x.mu.Unlock()
				}
				for _, a := range to {
					if _, more = reply(endOfData, a, "250 queued"); !more {
						break
					}
				}
				mail, to, state.ahead = false, nil, early
			}
		default:
			say("500 what")
		}
		if !more {
			return
		}
	}
}

// readText reads a message to its final dot, which it must have.
func readText(in *bufio.Reader) (text string, whole bool) {
	var b strings.Builder
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return b.String() + line, false
		}
		if line == ".\r\n" {
			return b.String(), true
		}
		b.WriteString(strings.TrimPrefix(line, "."))
	}
}

// row makes messages, each with the one after it as its Next.
func row(ids ...string) []deliver.Outgoing {
	all := make([]deliver.Outgoing, len(ids))
	for i, id := range ids {
		all[i] = outgoing(id, letterOf(id))
	}
	for i := range len(all) - 1 {
		next := outgoing(ids[i+1], letterOf(ids[i+1])) // a body of its own, as a Spool gives
		all[i].Next = &next
	}
	return all
}

func letterOf(id string) string { return "Subject: " + id + "\r\n\r\n.\r\n..body of " + id + "\r\n" }

// TestConformance joins the suite of all Senders.
func TestConformance(t *testing.T) {
	for _, lmtp := range []bool{false, true} {
		t.Run(map[bool]string{false: "SMTP", true: "LMTP"}[lmtp], func(t *testing.T) {
			delivertest.RunSender(t, func(t testing.TB) delivertest.SenderBench {
				x := newMX(t)
				x.lmtp, x.hasty = lmtp, true
				return delivertest.SenderBench{
					Open: func(testing.TB) deliver.Sender {
						return x.sender(func(o *Options) { o.Connections = 3 })
					},
					Arrived: func(testing.TB) (all []delivertest.Arrival) {
						x.mu.Lock()
						defer x.mu.Unlock()
						for id, texts := range x.accepted {
							for _, text := range texts {
								all = append(all, delivertest.Arrival{ID: id, Body: text})
							}
						}
						return all
					},
					Stored: func(body string) (string, bool) { return string(encode(body)), true },
				}
			})
		})
	}
}
