package pop3

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/popsync/popsync/internal/foreign"
	"github.com/popsync/popsync/internal/sasl"
	"github.com/popsync/popsync/internal/trust"
)

// Client is one POP3 session. Make it with Dial; end it with Quit, which lets deletions count, or Close, which
// abandons them.
type Client struct {
	opt         Options
	raw         net.Conn // below TLS
	w           *wire
	caps        Capabilities
	capaDue     bool             // they are asked for again with the next command
	secrets     *foreign.Secrets // struck out of server text; nil: none are known yet
	cmd         []byte           // scratch for a command
	queue       []Item           // scratch of the engine
	busy        atomic.Bool
	closed      atomic.Bool
	pipelined   atomic.Bool
	alone       bool // see Alone
	login       sasl.Outcome
	timestamp   string // of the greeting, for APOP; "": none
	capaRefused bool   // CAPA was answered -ERR
	broken      error  // what broke the conversation; only touched by the call under way

	ctx  context.Context // of the call under way
	stop func() bool
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
	if t, is := c.w.conn.(*trust.Conn); is {
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
	c.w.log.Closed()
	return c.raw.Close()
}

// begin starts a call; end must follow unless it fails.
func (c *Client) begin(ctx context.Context, verb string) error {
	if !c.busy.CompareAndSwap(false, true) {
		return errBusy
	}
	if err := c.ready(ctx, verb); err != nil {
		c.busy.Store(false)
		return err
	}
	c.ctx, c.stop = ctx, context.AfterFunc(ctx, c.w.interrupt)
	if c.capaDue && verb != "UIDL" { // List sends it along
		c.capaDue = false
		if err := c.askCapabilities(); err != nil {
			c.end()
			return err
		}
	}
	return nil
}

func (c *Client) ready(ctx context.Context, verb string) error {
	switch {
	case c.broken != nil:
		return &BrokenError{c.broken}
	case c.closed.Load():
		return &BrokenError{net.ErrClosed}
	case ctx.Err() != nil:
		return &ConnError{Command: verb, Err: context.Cause(ctx)} // nothing was sent: still usable
	}
	return nil
}

// end ends a call. Where the context ended so late that the call succeeded all the same, deadlines are gone for good,
// and so is the client.
func (c *Client) end() {
	if !c.stop() && c.broken == nil {
		c.broken = &ConnError{Command: "context", Err: context.Cause(c.ctx)}
	}
	c.ctx, c.stop = nil, nil
	c.busy.Store(false)
}

// fail turns what went wrong while command was under way into a typed error, and breaks the client. text is what the
// server sent.
func (c *Client) fail(command string, num int, text []byte, err error) error {
	var noTLS *trust.Failure // behind a handshake: the server refuses our certificate
	switch {
	case c.ctx != nil && c.ctx.Err() != nil:
		err = &ConnError{Command: command, Num: num, Err: context.Cause(c.ctx)}
	case errors.Is(err, errBareLF), errors.Is(err, errNotPOP3), errors.Is(err, errUnsolicited), errors.Is(err, ErrCut), errors.Is(err, ErrStep):
		err = &ProtocolError{command, num, c.clean(text), err}
	case errors.As(err, &noTLS):
		err = &TLSError{"TLS handshake", noTLS}
	default:
		behind := c.capaRefused && (command == "USER" || command == "STLS") && ended(err)
		err = &ConnError{Command: command, Num: num, Err: err, behindCapa: behind}
	}
	c.broken = err
	return err
}

func (c *Client) limit(command string, num int, what string, most int) error {
	c.broken = &LimitError{command, num, what, most}
	return c.broken
}

// clean makes server text fit for an error: secrets struck out, then escaped, then cut. It may have been cut before, by whoever
// stopped reading or sending.
func (c *Client) clean(text []byte) string { return c.secrets.Show(text, maxErrorText, true) }

func (c *Client) strike(text []byte) []byte { return c.secrets.Strike(text) }

// refusal is a -ERR with its text after the space.
func (c *Client) refusal(verb string, num int, text []byte) error {
	code, rest := parseCode(c.strike(text))
	return &ResponseError{verb, num, code, c.secrets.Show(rest, maxErrorText, false), num > 0 && saysGone(text)} // by what was said, before a secret is struck out
}

// command appends a command to dst. What cannot be sent is the caller's fault and leaves the client as it is.
func (c *Client) command(dst []byte, verb string, arg []byte) ([]byte, error) {
	dst, err := appendCommand(dst, verb, arg)
	if err != nil {
		return dst, fmt.Errorf("%s: %w", operation(verb, 0), err)
	}
	return dst, nil
}

// inStep fails when the server sent something although nothing is outstanding.
func (c *Client) inStep(verb string, num int) error {
	if b := c.w.buffered(); len(b) > 0 {
		return c.fail(verb, num, b, errUnsolicited)
	}
	return nil
}

// exchange sends one command and reads the status line of its reply, within patience.
func (c *Client) exchange(verb string, arg []byte, patience time.Duration) error {
	if err := c.send(verb, arg, patience); err != nil {
		return err
	}
	return c.status(verb, 0, patience)
}

// send sends one command while nothing is outstanding. The scratch buffer is wiped, for it may hold a secret.
func (c *Client) send(verb string, arg []byte, patience time.Duration) error {
	if err := c.inStep(verb, 0); err != nil {
		return err
	}
	cmd, err := c.command(c.cmd[:0], verb, arg)
	if err != nil {
		return err
	}
	err = c.w.write(cmd, time.Now().Add(patience))
	clear(cmd)
	c.cmd = cmd
	if err != nil {
		return c.fail(verb, 0, nil, err)
	}
	return nil
}

// status reads a status line: nil for +OK, *ResponseError for -ERR; anything else breaks the client.
func (c *Client) status(verb string, num int, patience time.Duration) error {
	_, err := c.statusText(verb, num, patience)
	return err
}

// statusText is status, and returns the text after +OK; it is valid until the next read.
func (c *Client) statusText(verb string, num int, patience time.Duration) ([]byte, error) {
	line, err := c.replyLine(verb, num, time.Now().Add(patience))
	if err != nil {
		return nil, err
	}
	ok, text, err := parseStatus(line)
	switch {
	case err != nil:
		return nil, c.fail(verb, num, line, err)
	case !ok:
		return nil, c.refusal(verb, num, text)
	}
	return text, nil
}

// replyLine reads one line of at most Limits.StatusLine octets, all of it before deadline.
func (c *Client) replyLine(verb string, num int, deadline time.Time) ([]byte, error) {
	c.w.deadline = deadline
	line, err := c.w.line(c.opt.Limits.StatusLine)
	c.w.deadline = time.Time{}
	switch {
	case err == errLongLine:
		return nil, c.limit(verb, num, "status line", c.opt.Limits.StatusLine)
	case (err == io.EOF || err == io.ErrUnexpectedEOF) && len(line) > 0 && !plausibleStatus(line):
		return nil, c.fail(verb, num, line, errNotPOP3) // a peer that says something else and hangs up
	case err != nil:
		return nil, c.fail(verb, num, line, err)
	}
	return line, nil
}

// patience is when a reply that is asked for now must have come.
func (c *Client) patience() time.Time { return time.Now().Add(c.opt.Timeouts.Reply) }
