package imap

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// outSize is how much is collected before it is written, in octets.
const outSize = 64 << 10

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

// append sends one message (RFC 9051, section 6.3.12).
func (c *session) append(t *task, date bool) (r result) {
	if _, err := t.body.Seek(0, io.SeekStart); err != nil {
		r.source = err
		return r
	}
	const verb = "APPEND"
	tag := c.tag()
	line := tag + " APPEND " + c.mailbox
	if c.o.Seen {
		line += ` (\Seen)`
	}
	if r.dated = date && t.date != ""; r.dated {
		line += " " + quote(t.date)
	}
	unasked := c.unasked(t.octets)
	line += " {" + strconv.FormatInt(t.octets, 10)
	r.begun = true
	if unasked {
		line += "+}\r\n"
	} else {
		if r.err = c.send(verb, line+"}"); r.err != nil {
			return r
		}
		a, err := c.receive(verb, tag, nil, c.o.Timeouts.Reply)
		switch {
		case err != nil:
			r.err = err
			return r
		case a.tag != "+":
			r.at = atFolder
			c.ended(&r, verb, &a)
			if r.refused == nil && r.err == nil { // OK, and nothing was sent
				r.err = c.fail(verb, errOdd)
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
	a, err := c.receive(verb, tag, nil, c.o.Timeouts.Reply)
	switch {
	case err != nil:
		r.err, r.doubt = err, true
	case a.tag == "+":
		r.err, r.doubt = c.fail(verb, errOdd), true
	default:
		c.ended(&r, verb, &a)
	}
	return r
}

// ended enters how the command ended.
func (c *session) ended(r *result, verb string, a *response) {
	err := c.judge(verb, a)
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

// content sends the message, behind the command where that was not sent yet, and the line end that ends the command, in large writes. false: not
// all was sent, or nobody knows.
func (c *session) content(t *task, r *result, line string) bool {
	if c.out == nil {
		c.out = make([]byte, 0, outSize+2*blockSize)
	}
	out := append(append(c.out[:0], line...), t.added...)
	behind := -int64(len(line)) // octets of the message that were written, less the command
	in := make([]byte, blockSize)
	if c.w.log.Sent([]byte(line)); t.octets > 0 {
		defer func() { c.w.log.SentBody(min(max(behind, 0), t.octets), behind >= t.octets) }()
	}
	var read int64
	flush := func() bool {
		n, err := c.w.put(out, c.o.Timeouts.Block)
		if behind += int64(n); err == nil {
			out = out[:0]
			return true
		}
		if behind >= t.octets {
			r.err, r.doubt = c.fail("APPEND", err), true
			return false
		}
		c.refusedEarly(r, err)
		return false
	}
	for {
		n, err := t.body.Read(in)
		if read += int64(n); read > t.read {
			r.source = fmt.Errorf("the message grew beyond %d octets", t.read)
			return false
		}
		if err == io.EOF {
			out = append(out, in[:n]...)
			break
		}
		if err != nil {
			r.source = err
			return false
		}
		// The last octet waits until it is known that all could be read: only a whole message may become one.
		if out = append(out, in[:n]...); len(out) > outSize && read < t.read {
			if !flush() {
				return false
			}
		}
	}
	if read != t.read {
		r.source = fmt.Errorf("the message has %d octets instead of %d: %w", read, t.read, io.ErrUnexpectedEOF)
		return false
	}
	out = append(out, "\r\n"...)
	return flush()
}

// refusedEarly is for a server that stopped reading: it may have said why.
func (c *session) refusedEarly(r *result, cause error) {
	r.err = c.fail("APPEND", cause)
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
			r.refused, r.err = c.refusal("APPEND", &a), nil
			return
		case a.status == "BYE":
			c.bye = printable(a.text, c.secrets)
			r.err = c.fail("APPEND", cause)
			return
		}
	}
}
