package pop3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// Dial connects, starts TLS as asked for, reads the greeting and asks for the capabilities. It sends nothing else,
// and no credential. On success the caller owns the Client and must end it with Quit or Close.
//
// Errors: *ConnError, *TLSError, *ProtocolError, *LimitError, or *ResponseError with the command "greeting".
func Dial(ctx context.Context, o Options) (*Client, error) {
	o = o.withDefaults()
	conn, err := connect(ctx, o)
	if err != nil {
		return nil, err
	}
	c := newClient(o, conn)
	c.t.w.log = o.Transcript.Connect(o.address(), nil)
	c.t.w.idle, c.t.w.slack, c.t.w.rate, c.t.w.received = o.Timeouts.Idle, o.Timeouts.Answer, o.Limits.Rate, o.Received
	if err := c.open(ctx); err != nil {
		_ = c.Close() // the first error says more
		return nil, err
	}
	return c, nil
}

func newClient(o Options, conn net.Conn) *Client {
	return &Client{t: talk{w: newWire(conn), opt: &o}, opt: &o, raw: conn}
}

func connect(ctx context.Context, o Options) (net.Conn, error) {
	if o.Host == "" {
		return nil, errors.New("pop3: connect: no host given")
	}
	bounded, cancel := context.WithTimeout(ctx, o.Timeouts.Connect)
	defer cancel()
	conn, err := o.Dial(bounded, "tcp", o.address())
	switch {
	case err == nil:
		return conn, nil
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	}
	o.Transcript.Connect(o.address(), err)
	return nil, &ConnError{Command: "connect", Err: err}
}

func (o Options) address() string { return net.JoinHostPort(o.Host, strconv.Itoa(o.Port)) }

func (c *Client) open(ctx context.Context) error {
	if err := c.begin(ctx, "greeting"); err != nil {
		return err
	}
	defer c.end()
	if c.opt.TLS == ImplicitTLS {
		if err := c.handshake(); err != nil {
			return err
		}
	}
	if err := c.greeting(); err != nil {
		return err
	}
	if err := c.askCapabilities(); err != nil {
		return err
	}
	if c.opt.TLS == StartTLS {
		if err := c.startTLS(); err != nil {
			return err
		}
		return c.askCapabilities()
	}
	return nil
}

// greeting reads the server's first line (RFC 1939, section 4).
func (c *Client) greeting() error {
	text, err := c.t.statusText("greeting", 0, c.opt.Timeouts.Reply)
	c.timestamp = timestamp(text)
	var wrong *ProtocolError
	if errors.As(err, &wrong) {
		wrong.Err = fmt.Errorf("%w (%s)", wrong.Err, stranger(wrong.Text))
	}
	return err
}

// timestamp is the msg-id of a greeting (RFC 1939, section 7); "" if there is none.
func timestamp(greeting []byte) string {
	begin := bytes.IndexByte(greeting, '<')
	end := bytes.IndexByte(greeting, '>')
	if begin < 0 || end < begin || !bytes.Contains(greeting[begin:end], []byte("@")) || bytes.ContainsAny(greeting[begin:end], " \t") {
		return ""
	}
	return string(greeting[begin : end+1])
}

// stranger guesses what answers instead of a POP3 server.
func stranger(text string) string {
	is := func(prefix string) bool { return strings.HasPrefix(text, prefix) }
	switch {
	case is("HTTP/"), is("<"):
		return "this is a web server: a captive portal, or the wrong port"
	case is(`\x15\x03`), is(`\x16\x03`):
		return "the server speaks TLS on this port"
	case is("220"), is("554"):
		return "this looks like an SMTP server"
	case is("* "):
		return "this looks like an IMAP server"
	case is("SSH-"):
		return "this is an SSH server"
	}
	return "not a POP3 server, or a captive portal"
}
