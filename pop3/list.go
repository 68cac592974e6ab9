package pop3

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// List sends UIDL and LIST, in one flight where PIPELINING is announced, and joins what they say. UIDL is tried
// although it is not announced; when it is refused, the Listing says so.
//
// Errors: *ResponseError (LIST was refused), *ProtocolError (also for a number that occurs twice), *LimitError,
// *ConnError, and what Options.Grow said.
func (c *Client) List(ctx context.Context) (*Listing, error) {
	if err := c.begin(ctx, "UIDL"); err != nil {
		return nil, err
	}
	defer c.end()
	l := &Listing{Complete: true}
	p := &collector{l: l, maxUID: c.opt.Limits.UID, strike: c.t.strike, name: c.t.secrets.Name}
	ask, done, err := c.askBoth()
	if err != nil {
		return nil, err
	}
	defer done()
	if err := ask("UIDL"); err != nil {
		return nil, err
	}
	err = c.t.status("UIDL", 0, c.opt.Timeouts.List)
	var refused *ResponseError
	switch {
	case errors.As(err, &refused):
		l.NoUIDL, l.Refusal = true, refused.Text
	case err != nil:
		return nil, err
	default:
		if err := p.lines(&c.t, "UIDL", p.uidLine); err != nil {
			return nil, err
		}
	}
	if err := ask("LIST"); err != nil {
		return nil, err
	}
	if err := c.t.status("LIST", 0, c.opt.Timeouts.List); err != nil {
		return nil, err
	}
	if err := p.lines(&c.t, "LIST", p.listLine); err != nil {
		return nil, err
	}
	if err := p.join(); err != nil {
		c.t.broken = &ProtocolError{Command: "LIST", Err: err}
		return nil, c.t.broken
	}
	if err := c.t.inStep("LIST", 0); err != nil {
		return nil, err
	}
	return l, nil
}

// askBoth prepares to send two commands: both before the first reply, or each when it is asked for.
func (c *Client) askBoth() (ask func(verb string) error, done func(), err error) {
	if err := c.t.inStep("UIDL", 0); err != nil {
		return nil, nil, err
	}
	if !c.mayPipeline() {
		ask = func(verb string) error { return c.t.send(verb, nil, c.opt.Timeouts.Reply) }
		return ask, func() {}, nil
	}
	s := startSender(c.t.w)
	commands := "UIDL\r\nLIST\r\n"
	if c.capaDue {
		commands = "CAPA\r\n" + commands
	}
	s.send([]byte(commands))
	c.pipelined.Store(true)
	done = func() { s.stop(&c.t) }
	if c.capaDue {
		c.capaDue = false
		if err := c.readCapabilities(); err != nil {
			done()
			return nil, nil, err
		}
	}
	return func(string) error { return nil }, done, nil
}

// A line of UIDL that RFC 1939 allows (section 7) has 80 octets in a mailbox of a million messages. Some servers have
// longer unique-ids, but not a million of them: else one account could take more memory than all have.
const (
	lineOctets  = 80
	leastOctets = 16 << 20 // that a listing may have in any case
)

// growEvery is how many octets of a listing are read between two calls of Options.Grow.
const growEvery = 64 << 10

// lines reads the rest of a multi-line reply (RFC 1939, section 3) without allocating. No line of a listing starts
// with a dot, so there is nothing to unstuff.
func (p *collector) lines(t *talk, verb string, take func(line []byte)) error {
	t.w.fresh()
	octets, most, grow := 0, max(t.opt.Limits.Listing*lineOctets, leastOctets), growEvery
	for n := 0; ; n++ {
		line, err := t.w.line(maxListingLine)
		switch {
		case err == errLongLine:
			return t.limit(verb, 0, "listing line", maxListingLine)
		case err == io.EOF:
			return t.fail(verb, 0, nil, io.ErrUnexpectedEOF)
		case err != nil:
			return t.fail(verb, 0, line, err)
		case len(line) == 1 && line[0] == '.':
			return nil
		case n == t.opt.Limits.Listing:
			return t.limit(verb, 0, "listing", n)
		}
		if octets += len(line) + 2; octets > most {
			return t.limit(verb, 0, "whole listing", most)
		}
		take(line)
		if octets >= grow && t.opt.Grow != nil {
			grow = octets + growEvery
			if err := t.opt.Grow(p.memory()); err != nil {
				t.broken = fmt.Errorf("%s: %w", operation(verb, 0), err)
				return t.broken
			}
		}
	}
}
