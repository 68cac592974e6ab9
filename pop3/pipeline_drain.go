package pop3

import (
	"errors"
	"time"
)

// Bounds for dropping outstanding replies after handle gave up.
const (
	drainOctets = 1 << 20
	drainTime   = 5 * time.Second
)

var errDrain = errors.New("too much is outstanding to wait for")

// giveUp takes back what was not sent yet and drops the outstanding replies within bounds, the one that handle left
// first. It returns err.
func (e *engine) giveUp(err error) error {
	c := e.c
	if c.t.broken != nil {
		return err
	}
	c.t.w.flush = nil
	for range e.nready {
		last := len(e.queue) - 1
		e.weight -= e.job.weight(e.queue[last])
		e.queue = e.queue[:last]
	}
	if failed := e.drain(); failed != nil && c.t.broken == nil {
		c.t.broken = &ConnError{Command: e.job.verb, Err: failed}
	}
	return err
}

func (e *engine) drain() error {
	c, left := e.c, int64(drainOctets)
	if e.job.body && e.weight > left {
		return errDrain
	}
	deadline := time.Now().Add(drainTime)
	c.t.w.deadline = deadline
	defer func() { c.t.w.deadline = time.Time{} }()
	skip := func() error {
		n, err := e.body.skip(left)
		left -= n
		return err
	}
	if e.body.w != nil && !e.body.done {
		if err := skip(); err != nil {
			return err
		}
	}
	for e.outstanding() > 0 {
		it := e.queue[e.head]
		e.pop()
		line, err := c.t.replyLine(e.job.verbOf(it), it.Num, deadline)
		if err != nil {
			return err
		}
		c.t.w.deadline = deadline
		ok, _, err := parseStatus(line)
		if err != nil {
			return c.t.fail(e.job.verbOf(it), it.Num, line, err)
		}
		if !ok || !e.job.bodyOf(it) {
			continue
		}
		e.body.reset(c.t.w, drainOctets)
		if err := skip(); err != nil {
			return err
		}
	}
	return c.t.inStep(e.job.verb, 0)
}
