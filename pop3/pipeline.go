package pop3

import (
	"context"
	"errors"
	"fmt"
	"iter"
)

// flushAt commands are sent at the latest; fewer wait until we would have to wait for the server.
const flushAt = 64

// engine is one run of commands of one kind: a queue of what is outstanding, a window over it, a sender.
type engine struct {
	c    *Client
	job  job
	next func() (Item, bool)
	more bool // next may have another

	queue  []Item // outstanding (the first may be under way) or ready to be sent, oldest first
	head   int
	weight int64 // of them
	ready  []byte
	nready int // commands in ready

	sender *sender // nil: one command at a time, written by the reader itself
	body   dotReader
}

// pipeline runs a job over items: the engine of Retrieve, Top and Delete.
func (c *Client) pipeline(ctx context.Context, j job, items iter.Seq[Item], handle func(Response) error) error {
	if err := c.begin(ctx, j.verb); err != nil {
		return err
	}
	defer c.end()
	if err := c.t.inStep(j.verb, 0); err != nil {
		return err
	}
	next, stop := iter.Pull(items)
	defer stop()
	e := &engine{c: c, job: j, next: next, more: true, queue: c.queue[:0]}
	if j.verb != "RETR" { // each message has its own
		phase := c.t.w.meter(c.t.w.slack)
		c.t.w.phase = &phase
		defer func() { c.t.w.phase = nil }()
	}
	if c.mayPipeline() {
		e.sender = startSender(c.t.w)
		defer e.sender.stop(&c.t)
	}
	c.t.w.flush = e.flush
	defer func() { c.t.w.flush = nil }()
	// A panic of handle passes through here: nobody can tell then where the conversation stands.
	clean := false
	defer func() {
		if !clean && c.t.broken == nil {
			c.t.broken = &ConnError{Command: j.verb, Err: errors.New("handler did not return")}
		}
		c.queue = e.queue[:0]
	}()
	err := e.run(handle)
	clean = true
	return err
}

func (e *engine) run(handle func(Response) error) error {
	for {
		if err := e.refill(); err != nil {
			return e.giveUp(err)
		}
		if e.outstanding() == 0 {
			return nil
		}
		it := e.queue[e.head]
		if it.Num == 0 {
			*e.job.quit = e.c.t.status("QUIT", 0, e.c.opt.Timeouts.Quit)
			return nil
		}
		err := e.reply(it, handle)
		e.pop()
		switch {
		case e.c.t.broken != nil:
			if err == nil || err == ErrSkip {
				err = e.c.t.broken
			}
			return err
		case err != nil && !errors.Is(err, ErrSkip):
			return e.giveUp(err)
		}
		// Before the next command: a reply that nobody asked for could pass as its answer.
		if e.outstanding() == 0 {
			if err := e.c.t.inStep(e.job.verbOf(it), it.Num); err != nil {
				return err
			}
		}
	}
}

func (e *engine) outstanding() int { return len(e.queue) - e.head }

// refill makes commands as far as the window allows, at least one.
func (e *engine) refill() error {
	win := e.c.opt.Window
	for e.more {
		if n := e.outstanding(); n > 0 && (e.sender == nil || n >= win.Commands || e.weight >= win.Bytes) {
			return nil
		}
		it, ok := e.next()
		if !ok {
			e.more = false
			return e.last()
		}
		if it.Num < 1 {
			return fmt.Errorf("pop3: %s: %d is no message number", e.job.verb, it.Num)
		}
		var err error
		if e.ready, err = e.job.command(&e.c.t, e.ready, it); err != nil {
			return err
		}
		e.push(it)
		if e.nready++; e.nready >= flushAt {
			if err := e.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// last makes the QUIT that ends the session, as an item that is no message.
func (e *engine) last() (err error) {
	if e.job.quit == nil {
		return nil
	}
	if e.ready, err = e.c.t.command(e.ready, "QUIT", nil); err != nil {
		return err
	}
	e.push(Item{})
	e.nready++
	return nil
}

func (e *engine) push(it Item) {
	if e.head > 64 && e.head > len(e.queue)/2 {
		e.queue = e.queue[:copy(e.queue, e.queue[e.head:])]
		e.head = 0
	}
	e.queue = append(e.queue, it)
	e.weight += e.job.weight(it)
}

func (e *engine) pop() {
	e.weight -= e.job.weight(e.queue[e.head])
	e.head++
	if e.c.t.w.phase != nil {
		e.c.t.w.phase.left += replyTime
	}
}

// flush sends what is ready. The wire calls it before it waits.
func (e *engine) flush() error {
	if e.nready == 0 {
		return nil
	}
	b := e.ready
	e.ready, e.nready = e.ready[:0], 0
	if e.sender == nil {
		return e.c.t.w.write(b, e.c.t.patience())
	}
	if e.outstanding() > 1 {
		e.c.pipelined.Store(true)
	}
	e.sender.send(b)
	return nil
}

// reply reads one reply and has it handled. The error is handle's; the client is broken when the reply was not read
// to its end.
func (e *engine) reply(it Item, handle func(Response) error) error {
	c, verb := e.c, e.job.verbOf(it)
	text, err := c.t.statusText(verb, it.Num, c.opt.Timeouts.Reply)
	var refused *ResponseError
	switch {
	case errors.As(err, &refused):
		return handle(Response{Item: it, Err: refused})
	case err != nil:
		return err
	case it.Ask == AskScan && !scanOf(text, it.Num):
		return c.t.fail(verb, it.Num, text, ErrStep)
	case !e.job.bodyOf(it):
		return handle(Response{Item: it})
	}
	c.t.w.fresh()
	b := &body{e: e, verb: verb, num: it.Num, most: e.job.most(it)}
	e.body.reset(c.t.w, b.most)
	defer func() { b.e = nil }()
	err = handle(Response{Item: it, Body: b})
	if c.t.broken != nil || (err != nil && !errors.Is(err, ErrSkip)) {
		return err
	}
	if failed := b.skip(); failed != nil {
		return failed
	}
	return err
}
