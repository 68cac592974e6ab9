package smtp

import (
	"context"
	"errors"
	"io"
	"slices"
	"syscall"
	"time"

	"github.com/popsync/popsync/deliver"
)

// Behind the final dot of a message goes the envelope of the next one: a group of commands may begin with the end of a
// message (RFC 2920, section 3.1). Its answers are read by the Send of that message, which then needs one round trip and
// not two. Until then nothing of its content has left, so a connection that ends delivers nothing of it (RFC 5321,
// section 4.1.1.4).
//
// Both leave in one write. A server that found the envelope only after it had answered the message would send two answers,
// of which the second waits until the first is acknowledged (RFC 896), and there is nothing to acknowledge it with at once.

const (
	// aheadPatience is how long the answers to an envelope that was sent ahead may take, counted from when they are
	// looked for. A server that threw the commands away never answers.
	aheadPatience = 30 * time.Second
	// abandonAfter is how long a connection is kept for the message whose envelope it holds.
	abandonAfter = time.Minute
)

// ahead is the envelope of the next message, to be sent behind the final dot of one; nil where that is not sure to be
// understood. What speaks against it is no matter of the message before: the next one simply asks later.
func (s *Sender) ahead(ctx context.Context, c *session, r *result, next *deliver.Outgoing) []byte {
	if next == nil || s.noAhead.Load() || !c.offers("PIPELINING") || c.sent >= s.o.PerConnection {
		return nil
	}
	if s.o.LMTP && r.takers() > 1 && !s.counted.Load() {
		return nil // were a reply left out, one to the next envelope would be taken for it
	}
	t, err := s.prepare(ctx, *next)
	if err != nil || c.unfit(t) != nil {
		return nil
	}
	commands := c.commands(t)
	n, flight, err := c.flight(commands)
	if err != nil || n < len(commands) {
		return nil
	}
	t.body = nil // good only until now
	c.next = t
	return flight
}

// claim takes the idle connection that holds the envelope of a message; nil when there is none.
func (s *Sender) claim(m *deliver.Outgoing) *session {
	c := s.take(func(c *session) bool {
		return c.next != nil && c.next.id == m.ID && c.next.read == m.Octets && c.next.rest == m.Rest
	})
	if c != nil {
		c.next.body = m.Body
	}
	return c
}

// abandon drops a connection whose message did not come.
func (s *Sender) abandon(c *session) {
	if s.take(func(have *session) bool { return have == c && time.Since(c.idle) >= abandonAfter }) != nil {
		c.w.close() // it may be waiting for content: no QUIT
	}
}

// makeRoom drops connections that hold envelopes of other messages, as far as one more would be one too many.
func (s *Sender) makeRoom() {
	for {
		s.mu.Lock()
		full := s.busy+len(s.idle) > s.o.Connections
		s.mu.Unlock()
		if !full {
			return
		}
		c := s.take(func(c *session) bool { return c.next != nil })
		if c == nil {
			return
		}
		c.w.close()
	}
}

// unasked tells whether an envelope that was sent ahead must be sent once more: its answers are missing, or make no
// sense, or are dubious. Nothing of the content has left.
func (r *result) unasked() bool {
	return r.ahead && !r.started && (r.err != nil || r.dubious)
}

// misplaced tells whether an envelope may have been refused only because it came ahead: by codes that a server gives to
// commands it did not expect, or, by one that is not known to understand it, by any that leave no recipient.
func (r *result) misplaced(understood bool) bool {
	if !understood && (r.mail != nil || r.takers() == 0 || r.data != nil) {
		return true
	}
	if r.mail != nil {
		return unexpectedHere(r.mail)
	}
	// DATA without a recipient is out of place by itself.
	return slices.ContainsFunc(r.refused, unexpectedHere) || r.takers() > 0 && unexpectedHere(r.data)
}

// unexpectedHere tells of replies 500 to 504, which speak of the command and not of the message (RFC 5321, section 4.2.3).
func unexpectedHere(e *replyError) bool {
	return e != nil && e.reply.code >= 500 && e.reply.code <= 504
}

// blamed tells whether a message may have been refused for the envelope behind it: by a server that is not known to
// understand that, in words that do not speak of the message. Nobody has it.
func (c *session) blamed(r *result) bool {
	return c.next != nil && !c.understands && !r.doubt && !slices.Contains(r.served, true) &&
		slices.ContainsFunc(r.refused, func(e *replyError) bool {
			return e != nil && e.verb == endOfData && (unexpectedHere(e) || e.reply.code == 421)
		})
}

// distrust ends the sending ahead when answers did not come as they should. Only one that has understood it before may
// end the connection: servers have enough at some time.
func (s *Sender) distrust(c *session, err error) {
	var refused *replyError
	ended := errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.As(err, &refused)
	if !ended || !c.understands {
		s.noAhead.Store(true)
	}
}

// takers counts the recipients that were not refused at RCPT.
func (r *result) takers() (n int) {
	for _, e := range r.refused {
		if !atEnvelope(e) {
			n++
		}
	}
	return n
}
