package pop3

import (
	"context"
	"crypto/tls"
	"net"
	"sync/atomic"

	"github.com/popsync/popsync/internal/sasl"
	"github.com/popsync/popsync/internal/trust"
)

// Client is one POP3 session. Make it with Dial; end it with Quit, which lets deletions count, or Close, which
// abandons them.
type Client struct {
	t         talk
	opt       *Options
	raw       net.Conn // below TLS
	caps      Capabilities
	capaDue   bool   // they are asked for again with the next command
	queue     []Item // scratch of the engine
	busy      atomic.Bool
	closed    atomic.Bool
	pipelined atomic.Bool
	alone     bool // see Alone
	login     sasl.Outcome
	timestamp string      // of the greeting, for APOP; "": none
	stop      func() bool // of the call under way: its context is watched no more
}

// Capabilities returns what the server announced last: after login and a first command (see Login) if it answers CAPA
// there, else after TLS, else in plaintext without TLS. The slices are shared; leave them as they are.
func (c *Client) Capabilities() Capabilities { return c.caps }

// Pipelined tells whether more than one command was ever outstanding. When it was, and the server then garbled its
// replies or closed, its PIPELINING may be broken: see Options.NoPipelining. It may be asked at any time.
func (c *Client) Pipelined() bool { return c.pipelined.Load() }

// Pipelining tells whether commands are sent ahead in this session: the server announces it, and Options do not forbid it.
func (c *Client) Pipelining() bool { return c.mayPipeline() }

// Alone keeps the calls that follow to one command at a time, or lets them send commands ahead again if Options allow it.
func (c *Client) Alone(on bool) { c.alone = on }

// ConnectionState describes TLS; ok is false without it.
func (c *Client) ConnectionState() (state tls.ConnectionState, ok bool) {
	if t, is := c.t.w.conn.(*trust.Conn); is {
		return t.ConnectionState(), true
	}
	return state, false
}

// Close abandons the session: nothing is sent, and the server drops all deletions of this session (RFC 1939,
// section 6). It may be called again, after Quit, and from any goroutine: a call under way then fails.
func (c *Client) Close() error {
	if c.closed.Swap(true) {
		return nil
	}
	c.t.w.log.Closed()
	return c.raw.Close()
}

// begin starts a call; end must follow unless it fails.
func (c *Client) begin(ctx context.Context, verb string) error {
	if !c.busy.CompareAndSwap(false, true) {
		return errBusy
	}
	var err error
	switch {
	case c.t.broken != nil:
		err = &BrokenError{c.t.broken}
	case c.closed.Load():
		err = &BrokenError{net.ErrClosed}
	case ctx.Err() != nil:
		err = &ConnError{Command: verb, Err: context.Cause(ctx)} // nothing was sent: still usable
	}
	if err != nil {
		c.busy.Store(false)
		return err
	}
	c.t.ctx, c.stop = ctx, context.AfterFunc(ctx, c.t.w.interrupt)
	if c.capaDue && verb != "UIDL" { // List sends it along
		c.capaDue = false
		if err := c.askCapabilities(); err != nil {
			c.end()
			return err
		}
	}
	return nil
}

// end ends a call. Where the context ended so late that the call succeeded all the same, deadlines are gone for good,
// and so is the client.
func (c *Client) end() {
	if !c.stop() && c.t.broken == nil {
		c.t.broken = &ConnError{Command: "context", Err: context.Cause(c.t.ctx)}
	}
	c.t.ctx, c.stop = nil, nil
	c.busy.Store(false)
}
