package smtp

import (
	"context"
	"errors"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/popsync/popsync/deliver"
)

// Sender is a deliver.Sender for one server.
type Sender struct {
	o       Options
	vouches vouches

	noAhead atomic.Bool // this server does not understand envelopes sent ahead, for all that is known
	counted atomic.Bool // it was seen to answer for each of several recipients (LMTP)

	mu     sync.Mutex
	idle   []*session // at most o.Connections, the one used last at the end
	busy   int        // Sends that run: each has a connection, or wants one
	closed bool
}

// New checks the options; it does no input or output. The caller ends the Sender with Close.
func New(o Options) (*Sender, error) {
	o, err := o.checked()
	if err != nil {
		return nil, err
	}
	return &Sender{o: o}, nil
}

// Place is the address.
func (s *Sender) Place() string { return s.o.Address }

// Lanes is the number of connections.
func (s *Sender) Lanes() int { return s.o.Connections }

// Send implements deliver.Sender. Body is read twice: first to learn its size and what is in it.
//
// With PIPELINING the envelope of Next follows the text of m at once, and Next's own Send finds it answered: a message
// then costs one round trip. A server that was seen not to understand that gets one message after the other. An envelope
// whose message does not come is dropped with its connection, after a minute or as soon as the connection is needed.
//
// A refusal by reply is permanent when all recipients that are left were refused by a 5yz code, with two exceptions: a
// full mailbox or disk (enhanced codes X.2.2 and X.3.1), which has Full, and 552 to RCPT (RFC 5321, section 4.5.3.1.10).
// Envelope is set when all those refusals came before the content was sent, though others may have been accepted
// (then Rest is set too). A sender that the message named, and that the server refuses as an address, is replaced by <> once.
// When the list of recipients is not the one that Rest was made for, all get the message.
func (s *Sender) Send(ctx context.Context, m deliver.Outgoing) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.count(+1)
	defer s.count(-1)
	var t *task
	c := s.claim(&m)
	if c != nil {
		t = c.next
	} else {
		var err error
		if t, err = s.prepare(ctx, m); err != nil {
			return err
		}
	}
	next := m.Next
	if m.Again {
		next = nil // it may have been in doubt for what followed it
	}
	reused, fresh, again := c != nil, false, false
	for {
		if c == nil {
			var err error
			if c, reused, err = s.acquire(ctx, fresh); err != nil {
				return s.unreachable(ctx, err)
			}
		}
		release := c.bind(ctx)
		r := c.transfer(t, func(r *result) []byte { return s.ahead(ctx, c, r, next) })
		release()
		switch unasked, blamed := r.unasked(), c.blamed(&r); {
		case ctx.Err() != nil:
		case unasked, blamed, reused && stale(&r):
			if unasked && r.err != nil {
				s.distrust(c, r.err)
			}
			if unasked && r.err == nil || blamed {
				again, next = true, nil // to see whether it goes otherwise with nothing ahead
			}
			if c.broken || c.next != nil {
				c.w.close()
				c, fresh = nil, true
			}
			continue
		case t.without(&r):
			if c.broken || c.next != nil {
				c.w.close()
				c, fresh = nil, true
			}
			continue
		case again && slices.Contains(r.served, true), r.doubt && c.next != nil, r.behind != nil:
			s.noAhead.Store(true)
		case again && r.err == nil:
			c.understands = true // it says the same with nothing ahead
		}
		if r.started && !slices.ContainsFunc(r.refused, atEnvelope) {
			s.vouches.note(t.to, m.ID, s.o.Now())
		}
		if r.started && !r.doubt && c.next == nil && r.takers() > 1 {
			s.counted.Store(true)
		}
		s.release(ctx, c)
		return s.judge(ctx, t, &r)
	}
}

// count adds to the number of Sends that run.
func (s *Sender) count(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy += n
}

// atEnvelope tells whether a recipient was refused at RCPT.
func atEnvelope(e *replyError) bool { return e != nil && e.verb == "RCPT" }

// stale tells whether an idle connection was dead, or died before the server could have got a message: then it is
// worth another connection at once. Silence is not: the next one would be waited for as long.
func stale(r *result) bool {
	return r.err != nil && !r.started && !errors.Is(r.err, os.ErrDeadlineExceeded)
}

// prepare reads the message once and makes a task of it.
func (s *Sender) prepare(ctx context.Context, m deliver.Outgoing) (*task, error) {
	if !validID(m.ID) {
		return nil, s.message("prepare", false, errors.New("the delivery id cannot be sent"))
	}
	found, err := inspect(ctx, m.Body)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, s.message("read", false, err)
	case found.read != m.Octets:
		return nil, s.message("read", false, errLength(found.read, m.Octets))
	}
	if err := found.unwanted(&s.o); err != nil {
		return nil, s.message("send", true, err)
	}
	all, err := s.o.recipients(found.header)
	if err != nil {
		return nil, s.message("send", true, err)
	}
	from, own := s.o.sender(found.header)
	t := &task{id: m.ID, from: from, own: own, all: all, rest: m.Rest, eight: found.eightBit,
		added: s.o.added(m, &found), body: m.Body, read: found.read}
	t.octets = found.octets + int64(len(t.added))
	some := false
	if t.pending, some = decodeRest(m.Rest, all); !some {
		t.pending = slices.Repeat([]bool{true}, len(all))
	}
	for i, to := range all {
		if t.pending[i] {
			t.to = append(t.to, to)
		}
	}
	t.findUTF8()
	return t, nil
}

// acquire takes the idle connection that was used last, or opens one; fresh insists on that. One that holds the envelope
// of another message is not taken, but makes room. At most Lanes calls of Send run at once, so there are never more than
// Connections.
func (s *Sender) acquire(ctx context.Context, fresh bool) (c *session, reused bool, err error) {
	for !fresh {
		if c = s.take(func(c *session) bool { return c.next == nil }); c == nil {
			break
		}
		if time.Since(c.idle) < lookAfter || c.w.alive() {
			return c, true, nil
		}
		c.w.close()
	}
	s.mu.Lock()
	closed := s.closed
	s.mu.Unlock()
	if closed {
		return nil, false, errClosed
	}
	s.makeRoom()
	c, err = dial(ctx, &s.o)
	return c, false, err
}

// take removes an idle connection, of those that fit the one used last; nil when there is none.
func (s *Sender) take(fits func(*session) bool) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, c := range slices.Backward(s.idle) {
		if fits(c) {
			s.idle = slices.Delete(s.idle, i, i+1)
			c.keep(0, nil)
			return c
		}
	}
	return nil
}

// lookAfter is how long a connection may have been idle to be used without a look at it.
const lookAfter = time.Second

// release keeps a connection for the next message, or ends it.
func (s *Sender) release(ctx context.Context, c *session) {
	switch {
	case c.broken:
		c.w.close()
		return
	case c.sent >= s.o.PerConnection:
		c.quit(ctx)
		return
	}
	c.idle = time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.idle) >= s.o.Connections {
		c.w.close()
		return
	}
	if c.next != nil {
		c.keep(abandonAfter, func() { s.abandon(c) })
	}
	s.idle = append(s.idle, c)
}

// quitTime is how long Close waits for answers to QUIT: nothing depends on them, and a pass that was told to end waits for it.
const quitTime = 500 * time.Millisecond

// Close says QUIT on all idle connections, at once, and closes them after half a second at most. One that holds an envelope
// only ends.
func (s *Sender) Close() error {
	s.mu.Lock()
	idle := s.idle
	s.idle, s.closed = nil, true
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), quitTime)
	defer cancel()
	var wg sync.WaitGroup
	for _, c := range idle {
		c.keep(0, nil)
		wg.Go(func() { c.quit(ctx) })
	}
	wg.Wait()
	return nil
}

var (
	_ deliver.Sender  = (*Sender)(nil)
	_ deliver.Learner = (*Sender)(nil)
	_ deliver.Checker = (*Sender)(nil)
)
