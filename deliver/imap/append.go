package imap

import (
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// lastWords is how long to look for an answer after the server stopped reading.
const lastWords = time.Second

// result is what became of an APPEND: facts, to be judged elsewhere.
type result struct {
	refused *replyError
	at      moment // of the refusal
	dated   bool   // a date was sent with it

	validity, uid uint32 // by APPENDUID (RFC 4315); 0: it did not tell

	there  bool  // it was there already
	unsure error // nothing can tell whether it is there
	unfit  error // the server has said that it does not take the like
	anew   bool  // the folder has become another one: it is to be asked again

	source error // the message could not be read; not all of it was sent
	err    error // what broke the conversation
	begun  bool  // the command was sent
	doubt  bool  // with err: the last octet of the message was sent, and no answer came
}

// appendVerb is the one command that puts something there.
const appendVerb = "APPEND"

// command is the command for a message, up to the size of its literal (RFC 9051, section 6.3.12). dated tells that it has a date.
func (t *task) command(c *session, tag string, date bool) (line string, dated bool) {
	line = tag + " " + appendVerb + " " + c.mailbox
	if c.o.Seen {
		line += ` (\Seen)`
	}
	if dated = date && t.date != ""; dated {
		line += " " + quote(t.date)
	}
	return line + " {" + strconv.FormatInt(t.octets, 10), dated
}

// append sends one message, and waits for its answer.
func (c *session) append(t *task, date bool) (r result) {
	if _, err := t.body.Seek(0, io.SeekStart); err != nil {
		r.source = err
		return r
	}
	tag := c.tag()
	line, dated := t.command(c, tag, date)
	unasked := c.unasked(t.octets)
	r.begun, r.dated = true, dated
	if unasked {
		line += "+}\r\n"
	} else {
		if r.err = c.send(appendVerb, line+"}"); r.err != nil {
			return r
		}
		a, err := c.receive(appendVerb, tag, nil, c.o.Timeouts.Reply)
		switch {
		case err != nil:
			r.err = err
			return r
		case a.tag != "+":
			r.at = atFolder
			c.ended(&r, &a)
			if r.refused == nil && r.err == nil { // OK, and nothing was sent
				r.err = c.fail(appendVerb, errOdd)
			}
			return r
		}
		line = ""
	}
	r.at = atMessage
	if !c.content(t, &r, line) {
		c.broken = true
		return r
	}
	a, err := c.receive(appendVerb, tag, nil, c.o.Timeouts.Reply)
	switch {
	case err != nil:
		r.err, r.doubt = err, true
	case a.tag == "+":
		r.err, r.doubt = c.fail(appendVerb, errOdd), true
	default:
		c.ended(&r, &a)
	}
	return r
}

// ended enters how the command ended.
func (c *session) ended(r *result, a *response) {
	err := c.judge(appendVerb, a)
	if err == nil {
		if a.code == "APPENDUID" {
			words := strings.Fields(a.args)
			if len(words) == 2 {
				validity, err1 := strconv.ParseUint(words[0], 10, 32)
				uid, err2 := strconv.ParseUint(words[1], 10, 32)
				if err1 == nil && err2 == nil {
					r.validity, r.uid = uint32(validity), uint32(uid)
				}
			}
		}
		return
	}
	if !errors.As(err, &r.refused) {
		r.err = err
	}
}

// content sends the message, behind the command where that was not sent yet, and the line end that ends the command. false: not
// all was sent, or nobody knows.
func (c *session) content(t *task, r *result, line string) bool {
	behind, source, err := c.w.pour(t, line, c.o.Timeouts.Block, func(bool) {})
	switch {
	case source != nil:
		r.source = source
	case err == nil:
		return true
	case behind >= t.octets:
		r.err, r.doubt = c.fail(appendVerb, err), true
	default:
		c.refusedEarly(r, err)
	}
	return false
}

// refusedEarly is for a server that stopped reading: it may have said why.
func (c *session) refusedEarly(r *result, cause error) {
	r.err = c.fail(appendVerb, cause)
	if errors.Is(cause, os.ErrDeadlineExceeded) {
		return
	}
	for {
		c.w.deadline(c.w.conn.SetReadDeadline, lastWords)
		a, err := c.r.read()
		switch {
		case err != nil:
			return
		case a.status == "NO" || a.status == "BAD":
			r.refused, r.err = c.refusal(appendVerb, &a), nil
			return
		case a.status == "BYE":
			c.bye = printable(a.text, c.secrets)
			r.err = c.fail(appendVerb, cause)
			return
		}
	}
}
