package fetcher

import (
	"context"
	"errors"
	"fmt"

	"github.com/popsync/popsync/pop3"
)

// held is a message that came shorter than it was listed. Its end may be a line of its own that the server forgot to
// stuff (RFC 1939, section 3): the rest of it then stands where the next reply is expected. Most such sizes are only
// wrong, so the message waits for what comes next.
type held struct {
	f *fetchStep
	m received
}

// enoughExact is how many sizes must have been right in a session before one that is wrong means something.
const enoughExact = 10

// errOutOfStep: in a session whose sizes are right, a pipelined reply has another size than its message was listed with.
// If the server has left out a reply, each body after it stands under the unique-id of the message before.
var errOutOfStep = errors.New("the server seems to have lost step: a message has another size than it was listed with")

// accept takes a message whose terminator arrived, or holds it back.
func (r *reader) accept(f *fetchStep, m received) error {
	switch octets := m.msg.Octets; {
	case f.size > 0 && octets == f.size:
		r.exact++
	case r.exact >= enoughExact && r.c.Pipelined():
		err := fmt.Errorf("message %d: %d octets instead of %d: %w", f.num, octets, f.size, errOutOfStep)
		r.fan.fail(err)
		return err
	case octets < f.size || f.size == 0:
		r.held = &held{f, m}
		return nil
	}
	return r.take(f, m)
}

// take gives a message to the batcher.
func (r *reader) take(f *fetchStep, m received) error {
	r.fan.finish()
	return r.hand(f, m)
}

// confirm takes the message that was held back: the reply after it begins as it should.
func (r *reader) confirm() error {
	h := r.held
	if r.held = nil; h == nil {
		return nil
	}
	return r.take(h.f, h.m)
}

// release decides on a message that was held back when nothing more is retrieved; err is why.
func (r *reader) release(ctx context.Context, err error) error {
	h := r.held
	if h == nil {
		return err
	}
	if err == nil {
		err = r.c.Noop(ctx)
	}
	var protocol *pop3.ProtocolError
	if errors.As(err, &protocol) {
		r.held = nil
		err = fmt.Errorf("the message ended after %d of %d octets, and the reply went on: %w", h.m.msg.Octets, h.f.size, err)
		r.fan.fail(err)
		if !r.c.Pipelined() { // else the next reply may be to blame; one at a time it will be known
			r.failed(h.f, err, false)
		}
		return &cutShort{err}
	}
	if ctx.Err() != nil {
		r.held = nil
		r.fan.fail(ctx.Err())
		return err
	}
	if terr := r.confirm(); err == nil {
		err = terr
	}
	return err
}

// cutShort marks an error for which nobody else is to blame.
type cutShort struct{ err error }

func (e *cutShort) Error() string { return e.err.Error() }
func (e *cutShort) Unwrap() error { return e.err }
