//go:build linux && (amd64 || arm64)

package acceptance_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/popsync/popsync/pop3/pop3test"
)

// histFault is what befalls one reply of the next run.
type histFault struct {
	what string
	verb string // of the command: RETR, TOP, or LIST with a number
	n    int    // which of them, from 1
	at   int    // for one that is cut off: how much of it is sent, in thousandths
}

func (f histFault) String() string {
	return fmt.Sprintf("the reply to %s %d is %s", f.verb, f.n, f.what)
}

// What may befall a reply.
const (
	histLeftOut = "left out"
	histTwice   = "sent twice"
	histSwapped = "swapped with the next"
	histMerged  = "ended without LF"
	histCutOff  = "cut off"
	histSilence = "the beginning of silence"
)

// histConn is a server's connection. It tells its world when it ends: what a dead popsync had asked for is still carried out.
// After a fault the client may wait for what never comes; so as not to wait for its timeout, a server whose client has gone
// quiet then closes.
type histConn struct {
	net.Conn
	w    *histWorld
	once sync.Once

	held   []byte // a reply that waits for the next one to go first
	odd    bool   // a fault was played
	struck bool   // it befell a reply
	muted  bool   // nothing is answered any more
}

const (
	histMoment = 10 * time.Millisecond // in which a next command may still come
	histQuiet  = 40 * time.Millisecond // of a client from which nothing more is to be expected
)

func (c *histConn) Read(b []byte) (int, error) {
	for {
		var until time.Time
		if len(c.held) > 0 {
			until = time.Now().Add(histMoment)
		} else if c.odd {
			until = time.Now().Add(histQuiet)
		}
		_ = c.SetReadDeadline(until)
		n, err := c.Conn.Read(b)
		switch {
		case n > 0 || !errors.Is(err, os.ErrDeadlineExceeded):
			return n, err
		case len(c.held) == 0:
			return 0, io.EOF
		}
		held := c.held
		c.held = nil
		if _, err := c.Write(held); err != nil {
			return 0, err
		}
	}
}

func (c *histConn) Close() error {
	c.once.Do(func() {
		c.w.mu.Lock()
		defer c.w.mu.Unlock()
		c.w.talks--
		c.w.quiet.Broadcast()
	})
	return c.Conn.Close()
}

// reply is what the server answers to RETR, TOP and LIST n, whole or not; nil: it answers by itself.
func (w *histWorld) reply(s *pop3test.Session, verb, arg string, num int, m pop3test.Message) *pop3test.Reply {
	c := s.Conn().(*histConn)
	if c.muted {
		return &pop3test.Reply{}
	}
	tr := &w.trouble
	tr.count(verb)
	raw := w.answer(c, verb, arg, num, m)
	f := tr.fault(verb)
	if f != nil && c.struck {
		f = nil // two next to each other may undo each other for whoever looks at what stands between
	}
	if f != nil {
		c.struck = true
		c.play(verb+" "+f.what, "%v: %s %s of %s", f, verb, arg, s.User())
	}
	if len(c.held) > 0 { // the one before this waits for it
		raw = append(raw, c.held...)
		c.held = nil
	}
	if f == nil {
		return &pop3test.Reply{Raw: raw}
	}
	switch f.what {
	case histTwice:
		raw = append(raw, raw...)
	case histSwapped:
		c.held, raw = raw, nil
	case histMerged:
		raw = bytes.TrimSuffix(raw, []byte("\n"))
	case histCutOff:
		return &pop3test.Reply{Raw: raw[:len(raw)*f.at/1000], Close: true}
	case histSilence:
		c.muted, raw = true, nil
	case histLeftOut:
		raw = nil
	}
	return &pop3test.Reply{Raw: raw}
}

// play notes a fault.
func (c *histConn) play(what, format string, args ...any) {
	c.odd = true
	c.w.played[what]++
	c.w.note("  (server: "+format+")", args...)
}

func (tr *histTrouble) count(verb string) {
	if tr.asked == nil {
		tr.asked = map[string]int{}
	}
	tr.asked[verb]++
}

func (tr *histTrouble) fault(verb string) *histFault {
	for i := range tr.faults {
		if f := &tr.faults[i]; f.verb == verb && f.n == tr.asked[verb] {
			return f
		}
	}
	return nil
}

// answer is a reply as the server means it.
func (w *histWorld) answer(c *histConn, verb, arg string, num int, m pop3test.Message) []byte {
	l := w.letters[histNumber(m.Data)-1]
	tr := &w.trouble
	data := m.Data
	if verb != "LIST" && l.box.stamps && !l.bare {
		w.reads++
		data = append(fmt.Appendf(nil, "X-Read: %d %s\r\n", w.reads, strings.Repeat("x", w.reads%30)), data...)
	}
	switch {
	case verb == "LIST":
		return fmt.Appendf(nil, "+OK %d %d\r\n", num, m.ListSize)
	case verb == "TOP" && (tr.noTOP || !strings.HasSuffix(arg, " 0")):
		return []byte("-ERR not here\r\n")
	case verb == "TOP":
		i := bytes.Index(data, []byte("\r\n\r\n"))
		return fmt.Appendf(nil, "+OK\r\n%s.\r\n", histStuffed(data[:i+4]))
	}
	if cut := bytes.Index(data, []byte("\r\n.\r\n")); tr.unstuffed && cut >= 0 && w.mayCut(l, cut+2) {
		c.play("not stuffed", "message %d ends at octet %d of %d: no dots are stuffed", l.number, cut+2, len(data))
		return fmt.Appendf(nil, "+OK %d octets\r\n%s.\r\n", len(data), data)
	}
	if tr.short.letter == l.number {
		at := len(data) * tr.short.at / 1000
		if tr.short.lines {
			at = bytes.LastIndexByte(data[:at], '\n') + 1
		}
		if w.mayCut(l, at) {
			if !tr.short.always {
				tr.short.letter = 0
			}
			c.play("short", "message %d ends at octet %d of %d", l.number, at, len(data))
			data = data[:at:at]
			if at > 0 && !bytes.HasSuffix(data, []byte("\r\n")) {
				data = append(bytes.TrimSuffix(data, []byte("\r")), "\r\n"...)
			}
		}
	}
	return fmt.Appendf(nil, "+OK message follows\r\n%s.\r\n", histStuffed(data))
}

func histStuffed(data []byte) []byte {
	data = bytes.ReplaceAll(data, []byte("\r\n."), []byte("\r\n.."))
	if bytes.HasPrefix(data, []byte(".")) {
		data = append([]byte("."), data...)
	}
	return data
}
