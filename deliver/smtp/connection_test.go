package smtp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// once is the plainest transaction, and again what follows it on the same connection.
func once() script { return hello().and(mailCmd, rcpt, data, text) }

// TestReuse: one connection for many messages, without RSET, and no more of them than permitted.
func TestReuse(t *testing.T) {
	two := once().and(mailCmd, rcpt, data, text)
	r := newRig(t, two, two, once())
	s := r.sender(func(o *Options) { o.PerConnection = 2 })
	for range 5 {
		wants(t, s.Send(t.Context(), outgoing("id1", letter)), "ok")
	}
	r.end(s)
	if err := s.Send(t.Context(), outgoing("id1", letter)); !errors.Is(err, errClosed) {
		t.Error("after Close:", err)
	}
}

// TestLanes: as many connections as asked for, each used again.
func TestLanes(t *testing.T) {
	three := once().and(mailCmd, rcpt, data, text).and(mailCmd, rcpt, data, text)
	r := newRig(t, three, three)
	s := r.sender(func(o *Options) { o.Connections = 2 })
	if s.Lanes() != 2 || s.Place() != "mx.example.org:25" {
		t.Error(s.Lanes(), s.Place())
	}
	for range 3 {
		done := make(chan error, 2)
		a, _, err := s.acquire(t.Context(), false)
		if err != nil {
			t.Fatal(err)
		}
		go func() { done <- s.Send(t.Context(), outgoing("id1", letter)) }() // the other one
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		b, _, err := s.acquire(t.Context(), false)
		if err != nil {
			t.Fatal(err)
		}
		s.release(t.Context(), b)
		s.release(t.Context(), a)
		if len(s.idle) != 2 {
			t.Fatal(len(s.idle), "idle connections")
		}
	}
	for range 3 {
		wants(t, s.Send(t.Context(), outgoing("id1", letter)), "ok")
	}
	r.end(s)
}

// TestDeadIdle: a connection that ended while it was idle costs no message a try.
func TestDeadIdle(t *testing.T) {
	for name, s := range map[string]script{
		"closed":        once().and(hangUp),
		"421":           once()[:5].and(turn{text.want, "250 ok\r\n421 idle for too long\r\n"}, hangUp),
		"late reply":    once().and(turn{"", "250 late\r\n"}, silent),
		"421 to MAIL":   once().and(turn{mailCmd.want, "421 idle for too long\r\n"}, hangUp),
		"lost at MAIL":  once().and(turn{mailCmd.want, ""}, hangUp),
		"lost at DATA":  once().and(mailCmd, rcpt, turn{data.want, ""}, hangUp),
		"extra replies": once()[:5].and(turn{text.want, "250 ok\r\n250 ok\r\n"}, silent),
	} {
		for _, pause := range []time.Duration{0, time.Minute} {
			if pause == 0 && (name == "421" || name == "late reply") || pause > 0 && strings.Contains(name, " at ") || pause > 0 && strings.Contains(name, " to ") {
				continue // the script depends on whether the connection is looked at
			}
			t.Run(name+" "+pause.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := newRig(t, s, once())
					sender := r.sender(nil)
					wants(t, sender.Send(t.Context(), outgoing("id1", letter)), "ok")
					time.Sleep(pause)
					synctest.Wait()
					wants(t, sender.Send(t.Context(), outgoing("id2", letter)), "ok")
					r.end(sender)
				})
			})
		}
	}
	t.Run("only once", func(t *testing.T) {
		lost := hello().and(turn{mailCmd.want, ""}, hangUp)
		r := newRig(t, once().and(turn{mailCmd.want, ""}, hangUp), lost)
		s := r.sender(nil)
		wants(t, s.Send(t.Context(), outgoing("id1", letter)), "ok")
		wants(t, s.Send(t.Context(), outgoing("id2", letter)), "target")
		r.end(s)
	})
	t.Run("not after 354", func(t *testing.T) {
		r := newRig(t, once().and(mailCmd, rcpt, data, turn{text.want, ""}, hangUp))
		s := r.sender(nil)
		wants(t, s.Send(t.Context(), outgoing("id1", letter)), "ok")
		wants(t, s.Send(t.Context(), outgoing("id2", letter)), "target uncertain")
		r.end(s)
	})
}

// cutConn takes only so many octets of what the client writes from a certain write on.
type cutConn struct {
	net.Conn
	when  func([]byte) bool
	after func([]byte) int
}

func (c *cutConn) Write(b []byte) (int, error) {
	if !c.when(b) {
		return c.Conn.Write(b)
	}
	n, _ := c.Conn.Write(b[:c.after(b)])
	c.Close()
	return n, io.ErrClosedPipe
}

// TestDeathAroundTheDot cuts the connection at every octet of the last block. In doubt is only what any receiver could
// take for a whole message.
func TestDeathAroundTheDot(t *testing.T) {
	for left := range len(text.want) {
		r := newRig(t, hello().and(mailCmd, rcpt, data, silent))
		r.wrap = func(conn net.Conn) net.Conn {
			return &cutConn{conn, func(b []byte) bool { return bytes.HasSuffix(b, []byte("\r\n.\r\n")) },
				func(b []byte) int { return len(b) - left }}
		}
		s := r.sender(nil)
		err := s.Send(t.Context(), outgoing("id1", letter))
		if left <= 1 {
			wants(t, err, "target uncertain")
		} else {
			wants(t, err, "target")
		}
		r.wg.Wait()
	}
}

// failing gives part of a message and then an error, but only when it is read for the n-th time.
type failing struct {
	*strings.Reader
	times int
	err   error
}

func (f *failing) Seek(off int64, whence int) (int64, error) {
	f.times--
	return f.Reader.Seek(off, whence)
}

func (f *failing) Read(p []byte) (int, error) {
	if f.times > 0 {
		return f.Reader.Read(p)
	}
	n, err := f.Reader.Read(p[:min(len(p), 1000)])
	if err == io.EOF || f.Len() < int(f.Size())/2 {
		return n, f.err
	}
	return n, err
}

// TestFailingSource: a message that cannot be read to its end never gets an end, nor does anything else follow it.
func TestFailingSource(t *testing.T) {
	broken := errors.New("the disk is broken")
	for _, size := range []int{2000, 500_000} {
		for _, err := range []error{broken, io.EOF} { // io.EOF: shorter than it was
			body := strings.Repeat("some words\r\n", size/12)
			r := newRig(t, hello("PIPELINING").and(turn{mailCmd.want + rcpt.want + data.want, join("250 ok", "250 ok", "354 go")}, silent))
			s := r.sender(nil)
			m := outgoing("id1", body)
			m.Body = &failing{strings.NewReader(body), 2, err}
			got := s.Send(t.Context(), m)
			wants(t, got, "message")
			if err == broken && !errors.Is(got, broken) {
				t.Error(got)
			}
			_ = s.Close()
			r.wg.Wait()
			if rest := r.rest[0]; !strings.HasPrefix(body, rest) || size > 100_000 && rest == "" {
				t.Errorf("sent %d octets that end in %q", len(rest), rest[max(0, len(rest)-20):])
			}
		}
	}
	t.Run("at first", func(t *testing.T) {
		r := newRig(t)
		s := r.sender(nil)
		m := outgoing("id1", letter)
		m.Body = &failing{strings.NewReader(letter), 1, broken}
		wants(t, s.Send(t.Context(), m), "message", "the disk is broken")
		m = outgoing("id1", letter)
		m.Octets++
		wants(t, s.Send(t.Context(), m), "message", "instead of")
		r.end(s)
	})
}

// TestEarlyRefusal: a server that refuses while the content is on its way, and reads no more, is understood.
func TestEarlyRefusal(t *testing.T) {
	body := strings.Repeat("0123456789\r\n", 50_000)
	for reply, short := range map[string]string{
		"552 5.3.4 too big\r\n": "message permanent", "451 no\r\n": "message", "421 bye\r\n": "target", "": "target",
	} {
		client, server := net.Pipe()
		r := newRig(t)
		done := make(chan struct{})
		s := r.sender(func(o *Options) {
			o.Dial = func(context.Context, string, string) (net.Conn, error) {
				return &halfConn{Conn: client, done: done}, nil
			}
		})
		go func() {
			var rest string
			_ = r.play(server, hello().and(mailCmd, rcpt, data, hangUp), &rest)
			close(done) // the client's writes fail from here on
			_, _ = io.ReadFull(server, make([]byte, 1))
			_, _ = io.WriteString(server, reply)
			server.Close()
		}()
		wants(t, s.Send(t.Context(), outgoing("id1", body)), short)
		_ = s.Close()
	}
}

// halfConn can still be read after writes to it failed, as TCP can.
type halfConn struct {
	net.Conn
	done chan struct{}
}

func (c *halfConn) Write(b []byte) (int, error) {
	if len(b) < 1000 {
		return c.Conn.Write(b)
	}
	<-c.done
	n, _ := c.Conn.Write(b[:1])
	return n, io.ErrClosedPipe
}

// flightConn counts how often the client turned from writing to reading: round trips.
type flightConn struct {
	net.Conn
	wrote           bool
	flights, writes int
}

func (c *flightConn) Write(b []byte) (int, error) {
	c.writes++
	c.wrote = true
	return c.Conn.Write(b)
}

func (c *flightConn) Read(b []byte) (int, error) {
	if c.wrote {
		c.flights++
		c.wrote = false
	}
	return c.Conn.Read(b)
}

// TestRoundTrips: with PIPELINING a small message costs two round trips and two writes; one where the next one is
// known, as its envelope goes along.
func TestRoundTrips(t *testing.T) {
	const messages = 20
	for ahead, want := range map[bool]int{false: 2 * messages, true: messages + 1} {
		s := hello("PIPELINING")
		for i := range messages {
			switch last := i == messages-1; {
			case !ahead:
				s = s.and(turn{flight, answers}, text)
			case i == 0:
				s = s.and(turn{flight, answers}, turn{text.want + flight, text.send + answers})
			case !last:
				s = s.and(turn{text.want + flight, text.send + answers})
			default:
				s = s.and(text)
			}
		}
		r := newRig(t, s)
		var conn *flightConn
		r.wrap = func(c net.Conn) net.Conn { conn = &flightConn{Conn: c}; return conn }
		sender := r.sender(nil)
		var begun, wrote int
		for i := range messages {
			m := outgoing(fmt.Sprint("id", i), letter)
			if ahead && i < messages-1 {
				next := outgoing(fmt.Sprint("id", i+1), letter)
				m.Next = &next
			}
			if i == 0 { // not EHLO
				c, _, err := sender.acquire(t.Context(), true)
				if err != nil {
					t.Fatal(err)
				}
				begun, wrote = conn.flights, conn.writes
				sender.release(t.Context(), c)
			}
			wants(t, sender.Send(t.Context(), m), "ok")
		}
		if got := conn.flights - begun; got != want {
			t.Errorf("ahead %v: %d round trips for %d messages, want %d", ahead, got, messages, want)
		}
		if got := conn.writes - wrote; got != want { // a text and the envelope behind it are one
			t.Errorf("ahead %v: %d writes for %d messages", ahead, got, messages)
		}
		r.end(sender)
	}
}
