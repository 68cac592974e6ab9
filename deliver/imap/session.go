package imap

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/popsync/popsync/internal/foreign"
	"github.com/popsync/popsync/internal/trust"
)

// session is one connection to the server, from the greeting to LOGOUT.
type session struct {
	o       *Options
	w       *wire
	r       *reader
	caps    map[string]bool      // in upper case, as the server said last; nil: it was not asked
	tls     *tls.ConnectionState // nil: without TLS
	secrets *foreign.Secrets     // what a server might echo and an error must not show
	method  string               // that logged in, as in sasl.Outcome, or "login"; "": none
	tags    int                  // commands so far
	broken  bool                 // out of step, or closed by the server: nothing more may be sent
	lapsed  bool                 // its login is not good any more
	bye     string               // what the server said last, for people
	alert   string               // what it wants people to see (RFC 9051, section 7.1: ALERT)
	name    string               // of the server, as it says itself (RFC 2971)

	greeting string // its text, as received

	mailbox  string          // the folder's name as an argument
	selected bool            // by EXAMINE
	stays    bool            // it stays so after a look, for another one
	onCode   func(*response) // gets untagged OKs; nil: nobody wants them

	idle  time.Time
	timer *time.Timer // while idle
}

// byeTime is how long an end is waited for after BYE.
const byeTime = 5 * time.Second

// bind makes the end of ctx the end of all reads and writes, until release. The session is broken when that happened.
func (c *session) bind(ctx context.Context) (release func()) {
	stop := context.AfterFunc(ctx, c.w.interrupt)
	return func() {
		if !stop() {
			c.broken = true
		}
	}
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

// fail breaks the session.
func (c *session) fail(verb string, err error) error {
	c.broken = true
	var noTLS *trust.Failure // behind a handshake: the server refuses our certificate
	if errors.As(err, &noTLS) {
		return &tlsError{noTLS}
	}
	return &connError{verb: verb, err: err, bye: c.bye}
}

func (c *session) refusal(verb string, a *response) *replyError {
	e := &replyError{verb: verb, status: a.status, code: a.code, words: strings.ToLower(a.text), text: printable(a.text, c.secrets)}
	if a.args != "" {
		e.words = strings.ToLower(a.args) + " " + e.words
	}
	c.lapsed = c.lapsed || e.lapsed()
	return e
}

// tag begins a command.
func (c *session) tag() string {
	c.tags++
	return "p" + strconv.Itoa(c.tags)
}

// literal is an argument that cannot stand in quotes.
type literal string

// command sends a command of strings and literals, each of which the server is asked for first, and reads its answers. data gets
// what is untagged and no status; nil: nobody wants it. A refusal is a *replyError.
func (c *session) command(verb string, data func(*response) error, parts ...any) (response, error) {
	tag := c.tag()
	line := tag + " "
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			line += p
		case literal:
			if err := c.send(verb, line+"{"+strconv.Itoa(len(p))+"}"); err != nil {
				return response{}, err
			}
			a, err := c.receive(verb, tag, data, c.o.Timeouts.Reply)
			if err != nil {
				return a, err
			}
			if a.tag != "+" {
				return a, c.judge(verb, &a)
			}
			line = string(p)
			if _, err := c.w.write([]byte(line), c.o.Timeouts.Reply); err != nil {
				return a, c.fail(verb, err)
			}
			line = ""
		}
	}
	if err := c.send(verb, line); err != nil {
		return response{}, err
	}
	a, err := c.receive(verb, tag, data, c.o.Timeouts.Reply)
	if err != nil {
		return a, err
	}
	if a.tag == "+" {
		return a, c.fail(verb, errOdd)
	}
	return a, c.judge(verb, &a)
}

// judge turns the end of a command into an error; nil for OK.
func (c *session) judge(verb string, a *response) error {
	switch a.status {
	case "OK":
		return nil
	case "NO", "BAD":
		return c.refusal(verb, a)
	}
	return c.fail(verb, errOdd)
}

// send writes one line. There is no other place where commands get their line ends.
func (c *session) send(verb, line string) error {
	if strings.ContainsAny(line, "\r\n\x00") {
		return &connError{verb: verb, err: errForbidden}
	}
	if _, err := c.w.write([]byte(line+"\r\n"), c.o.Timeouts.Reply); err != nil {
		return c.fail(verb, err)
	}
	return nil
}

// receive reads up to the end of a command, or a continuation; with tag "" to the end of any command.
func (c *session) receive(verb, tag string, data func(*response) error, wait time.Duration) (response, error) {
	for n := 0; ; n++ {
		c.w.deadline(c.w.conn.SetReadDeadline, wait)
		a, err := c.r.read()
		switch {
		case err == io.EOF && c.bye != "" && verb == "LOGOUT":
			return response{tag: tag, status: "OK"}, nil
		case err != nil:
			return a, c.fail(verb, err)
		case n > maxAnswers:
			return a, c.fail(verb, errLongAnswer)
		case a.code == "ALERT" || a.code == "WEBALERT":
			c.alert = printable(a.text, c.secrets)
		}
		if a.tag == tag && a.code == "CAPABILITY" {
			c.capabilities(strings.Fields(a.args))
		}
		switch {
		case a.tag == "+", a.tag == tag, tag == "" && a.tag != "*":
			c.broken = c.broken || c.bye != "" // it ends
			return a, nil
		case a.tag != "*":
			return a, c.fail(verb, errNoAnswer)
		case a.status == "BYE":
			if c.bye = printable(a.text, c.secrets); c.bye == "" {
				c.bye = "nothing more"
			}
			wait = min(wait, byeTime)
		case a.status != "":
			if c.onCode != nil {
				c.onCode(&a)
			}
		case a.name == "CAPABILITY":
			var words []string
			for i := range a.values {
				words = append(words, string(a.values[i].text))
			}
			c.capabilities(words)
		case data != nil:
			if err := data(&a); err != nil {
				return a, c.fail(verb, err)
			}
		}
	}
}

func (c *session) capabilities(words []string) {
	c.caps = make(map[string]bool, len(words))
	for _, w := range words {
		c.caps[strings.ToUpper(w)] = true
	}
}

// learn asks for the capabilities, unless the server has just said them by itself.
func (c *session) learn() error {
	if c.caps != nil {
		return nil
	}
	_, err := c.command("CAPABILITY", nil, "CAPABILITY")
	if err == nil && c.caps == nil {
		return c.fail("CAPABILITY", errOdd)
	}
	return err
}

// limit is the most octets that an APPEND may have, as the server says (RFC 7889); 0: it does not.
func (c *session) limit() int64 {
	for word := range c.caps {
		if text, ok := strings.CutPrefix(word, "APPENDLIMIT="); ok {
			if n, err := strconv.ParseInt(text, 10, 64); err == nil && n > 0 {
				return n
			}
		}
	}
	return 0
}

// unasked tells whether a literal of n octets may be sent without asking first (RFC 7888; RFC 9051 has LITERAL- in it).
func (c *session) unasked(n int64) bool {
	return c.caps["LITERAL+"] || n <= 4096 && (c.caps["LITERAL-"] || c.caps["IMAP4REV2"])
}

// quit says goodbye, waits for the answer and closes. How the server takes it changes nothing.
func (c *session) quit(ctx context.Context) {
	defer c.w.close()
	if c.broken {
		return
	}
	defer c.bind(ctx)()
	tag := c.tag()
	if _, err := c.w.write([]byte(tag+" LOGOUT\r\n"), c.o.Timeouts.Quit); err != nil {
		return
	}
	if _, err := c.receive("LOGOUT", tag, nil, c.o.Timeouts.Quit); err == nil && c.tls != nil {
		c.w.deadline(c.w.conn.SetWriteDeadline, c.o.Timeouts.Quit)
		_ = c.w.conn.Close()
	}
}

// noop keeps an idle session alive.
func (c *session) noop(ctx context.Context) error {
	defer c.bind(ctx)()
	_, err := c.command("NOOP", nil, "NOOP")
	return err
}

// text makes an argument: in quotes where that is possible.
func text(s string) any {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return literal(s)
		}
	}
	return quote(s)
}

// quote puts printable ASCII into quotes.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
