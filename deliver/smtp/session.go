package smtp

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/popsync/popsync/internal/foreign"
	"github.com/popsync/popsync/internal/trust"
)

// session is one connection to the server, from the greeting to QUIT.
type session struct {
	o       *Options
	w       *wire
	caps    map[string]string    // keyword in upper case, and its parameters (RFC 5321, section 4.1.1.1)
	tls     *tls.ConnectionState // nil: without TLS
	secrets *foreign.Secrets     // what a server might echo and an error must not show
	method  string               // that logged in, as in sasl.Outcome; "": none
	sent    int                  // messages tried
	broken  bool                 // out of step, or closed by the server: nothing more may be sent
	out     []byte               // room for blocks of data
	idle    time.Time            // since when it has not been used

	next        *task       // its envelope was sent behind the last message, and the answers were not read
	understands bool        // the server has answered such an envelope
	timer       *time.Timer // while idle with next
}

// keep sets what happens to an idle session after a time; nil: nothing does any more.
func (c *session) keep(most time.Duration, then func()) {
	if c.timer != nil {
		c.timer.Stop()
		c.timer = nil
	}
	if then != nil {
		c.timer = time.AfterFunc(most, then)
	}
}

// bind makes the end of ctx the end of all reads and writes, until release. The session is broken when that happened.
func (c *session) bind(ctx context.Context) (release func()) {
	stop := context.AfterFunc(ctx, c.w.interrupt)
	return func() {
		if !stop() {
			c.broken = true
		}
	}
}

// send sends commands in one write. A reply that came before they were sent belongs to none of them.
func (c *session) send(verb string, commands []byte) error {
	if c.w.in.Buffered() > 0 {
		return c.fail(verb, errEarly, nil)
	}
	if _, err := c.w.write(commands, c.o.Timeouts.Reply); err != nil {
		return c.fail(verb, err, nil)
	}
	return nil
}

// receive reads the reply to a command. A reply that refuses is not an error here, but 421 is: a *replyError.
func (c *session) receive(verb string, wait time.Duration) (reply, error) {
	r, last, err := c.w.reply(wait)
	if err != nil {
		return r, c.fail(verb, err, last)
	}
	if r.code == 421 {
		c.broken = true
		return r, c.refusal(verb, r)
	}
	return r, nil
}

// command sends one command and reads its reply. There is no argument from outside but through line.
func (c *session) command(verb, line string) (reply, error) {
	b, err := appendLine(nil, line)
	if err != nil {
		return reply{}, &connError{verb: verb, err: err}
	}
	if err := c.send(verb, b); err != nil {
		return reply{}, err
	}
	return c.receive(verb, c.o.Timeouts.Reply)
}

var errForbidden = errors.New("the command holds a CR, LF or NUL, which cannot be sent")

// appendLine is the one place where commands get their line ends.
func appendLine(dst []byte, line string) ([]byte, error) {
	if strings.ContainsAny(line, "\r\n\x00") {
		return dst, errForbidden
	}
	return append(append(dst, line...), '\r', '\n'), nil
}

// fail breaks the session.
func (c *session) fail(verb string, err error, last []byte) error {
	c.broken = true
	var noTLS *trust.Failure // behind a handshake: the server refuses our certificate
	if errors.As(err, &noTLS) {
		return &tlsError{noTLS}
	}
	return &connError{verb: verb, err: err, text: printable(string(bytes.TrimRight(last, "\r\n")), c.secrets, true)}
}

// odd is a reply that makes no sense here.
func (c *session) odd(verb string, r reply) error {
	c.broken = true
	return &connError{verb: verb, err: errOdd, text: printable(strconv.Itoa(r.code)+" "+strings.Join(r.lines, " "), c.secrets, false)}
}

// unexpected is for commands that are either accepted or refused.
func (c *session) unexpected(verb string, r reply) error {
	if r.refused() {
		return c.refusal(verb, r)
	}
	return c.odd(verb, r)
}

func (c *session) refusal(verb string, r reply) *replyError {
	return &replyError{verb, r, printable(strings.Join(r.lines, " "), c.secrets, false)}
}

func (c *session) offers(keyword string) bool {
	_, ok := c.caps[keyword]
	return ok
}

// sizeLimit is what SIZE says, in octets; 0: no limit is known (RFC 1870, section 4).
func (c *session) sizeLimit() int64 {
	n, err := strconv.ParseInt(c.caps["SIZE"], 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// reset ends a transaction that got nowhere.
func (c *session) reset() {
	if c.broken {
		return
	}
	if r, err := c.command("RSET", "RSET"); err != nil || !r.positive() {
		c.broken = true
	}
}

// quit says goodbye, waits for the answer and closes. How the server takes it changes nothing. A server that may be
// waiting for the content of a message must not get anything more.
func (c *session) quit(ctx context.Context) {
	defer c.w.close()
	if c.broken || c.next != nil {
		return
	}
	defer c.bind(ctx)()
	if _, err := c.w.write([]byte("QUIT\r\n"), c.o.Timeouts.Quit); err != nil {
		return
	}
	if _, _, err := c.w.reply(c.o.Timeouts.Quit); err == nil && c.tls != nil {
		c.w.deadline(c.w.conn.SetWriteDeadline, c.o.Timeouts.Quit)
		_ = c.w.conn.Close()
	}
}

// hello sends EHLO or LHLO and learns what the server can do. A server that knows no EHLO gets HELO, and can nothing
// (RFC 5321, section 4.1.4).
func (c *session) hello() error {
	c.caps = nil
	verb := "EHLO"
	if c.o.LMTP {
		verb = "LHLO"
	}
	name := c.o.heloName(c.w.raw.LocalAddr())
	r, err := c.command(verb, verb+" "+name)
	if err != nil {
		return err
	}
	if !c.o.LMTP && (r.code == 500 || r.code == 502) {
		if r, err = c.command("HELO", "HELO "+name); err != nil {
			return err
		}
		if !r.positive() {
			return c.unexpected("HELO", r)
		}
		return nil
	}
	if !r.positive() {
		return c.unexpected(verb, r)
	}
	c.caps = map[string]string{}
	for _, line := range r.lines[1:] {
		keyword, params, _ := strings.Cut(line, " ")
		keyword = strings.ToUpper(keyword)
		if rest, old := strings.CutPrefix(keyword, "AUTH="); old { // as before RFC 2554, and still met
			keyword, params = "AUTH", rest+" "+params
		}
		if before, twice := c.caps[keyword]; twice {
			params = before + " " + params
		}
		c.caps[keyword] = params
	}
	return nil
}

// greet reads the greeting (RFC 5321, section 3.1).
func (c *session) greet() error {
	r, err := c.receive("greeting", c.o.Timeouts.Reply)
	if err != nil {
		return err
	}
	if c.o.greeted != nil {
		c.o.greeted()
	}
	if r.code != 220 {
		return c.unexpected("greeting", r)
	}
	return nil
}
