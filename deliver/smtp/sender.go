package smtp

import (
	"context"
	"errors"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/popsync/popsync/deliver"
)

// Sender is a deliver.Sender for one server.
type Sender struct {
	o       Options
	vouches vouches

	mu     sync.Mutex
	idle   []*session // at most o.Connections, the one used last at the end
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
// A refusal by reply is permanent when all recipients that are left were refused by a 5yz code, with two exceptions: a
// full mailbox or disk (enhanced codes X.2.2 and X.3.1), which has Full, and 552 to RCPT (RFC 5321, section 4.5.3.1.10).
// Envelope is set when all those refusals came before the content was sent, though others may have been accepted
// (then Rest is set too). When the list of recipients is not the one that Rest was made for, all get the message.
func (s *Sender) Send(ctx context.Context, m deliver.Outgoing) error {
	t, all, pending, err := s.prepare(ctx, m)
	if err != nil {
		return err
	}
	for fresh := false; ; fresh = true {
		c, reused, err := s.acquire(ctx, fresh)
		if err != nil {
			return s.unreachable(ctx, err)
		}
		release := c.bind(ctx)
		r := c.transfer(t)
		release()
		if reused && stale(&r) && ctx.Err() == nil {
			c.w.close()
			continue
		}
		if r.started && !slices.ContainsFunc(r.refused, atEnvelope) {
			s.vouches.note(t.to, m.ID, s.o.Now())
		}
		s.release(ctx, c)
		return s.judge(ctx, t, &r, all, pending)
	}
}

// atEnvelope tells whether a recipient was refused at RCPT.
func atEnvelope(e *replyError) bool { return e != nil && e.verb == "RCPT" }

// stale tells whether an idle connection was dead, or died before the server could have got a message: then it is
// worth another connection at once. Silence is not: the next one would be waited for as long.
func stale(r *result) bool {
	return r.err != nil && !r.started && !errors.Is(r.err, os.ErrDeadlineExceeded)
}

// prepare reads the message once and makes a task of it. all are its recipients, pending tells which are in the task.
func (s *Sender) prepare(ctx context.Context, m deliver.Outgoing) (t *task, all []string, pending []bool, err error) {
	if !validID(m.ID) {
		return nil, nil, nil, s.message("prepare", false, errors.New("the delivery id cannot be sent"))
	}
	found, err := inspect(ctx, m.Body)
	switch {
	case ctx.Err() != nil:
		return nil, nil, nil, ctx.Err()
	case err != nil:
		return nil, nil, nil, s.message("read", false, err)
	case found.read != m.Octets:
		return nil, nil, nil, s.message("read", false, errLength(found.read, m.Octets))
	}
	if err := found.unwanted(&s.o); err != nil {
		return nil, nil, nil, s.message("send", true, err)
	}
	all, err = s.o.recipients(found.header)
	if err != nil {
		return nil, nil, nil, s.message("send", true, err)
	}
	t = &task{id: m.ID, from: s.o.sender(found.header), eight: found.eightBit, added: s.o.added(m, &found), body: m.Body, read: found.read}
	t.octets = found.octets + int64(len(t.added))
	pending, some := decodeRest(m.Rest, all)
	if !some {
		pending = slices.Repeat([]bool{true}, len(all))
	}
	for i, to := range all {
		if pending[i] {
			t.to = append(t.to, to)
		}
	}
	t.findUTF8()
	return t, all, pending, nil
}

// acquire takes the idle connection that was used last, or opens one; fresh insists on that. At most Lanes calls of
// Send run at once, so there are never more than Connections.
func (s *Sender) acquire(ctx context.Context, fresh bool) (c *session, reused bool, err error) {
	for !fresh {
		s.mu.Lock()
		n := len(s.idle)
		if n == 0 {
			s.mu.Unlock()
			break
		}
		c = s.idle[n-1]
		s.idle = s.idle[:n-1]
		s.mu.Unlock()
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
	c, err = dial(ctx, &s.o)
	return c, false, err
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
	s.idle = append(s.idle, c)
}

// Close says QUIT on all idle connections, at once, and closes them.
func (s *Sender) Close() error {
	s.mu.Lock()
	idle := s.idle
	s.idle, s.closed = nil, true
	s.mu.Unlock()
	var wg sync.WaitGroup
	for _, c := range idle {
		wg.Go(func() { c.quit(context.Background()) })
	}
	wg.Wait()
	return nil
}

var (
	_ deliver.Sender  = (*Sender)(nil)
	_ deliver.Checker = (*Sender)(nil)
)
