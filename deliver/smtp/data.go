package smtp

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// outSize is how much is collected before it is written, in octets. Small writes would wait for delayed
// acknowledgements.
const outSize = 64 << 10

// endOfData stands in errors for the final dot.
const endOfData = "end of data"

// lastWords is how long to look for a reply after the server stopped reading.
const lastWords = time.Second

// content sends the message and reads what the server makes of it. Only a message that was read to its end gets its
// final dot; all other ways out leave the connection to be dropped.
func (c *session) content(t *task, r *result, behind func(*result) []byte) {
	if !c.writeContent(t, r, behind) {
		c.broken = true
		return
	}
	for i := range t.to {
		if r.refused[i] != nil {
			continue
		}
		got, err := c.finalReply()
		if err != nil {
			r.err, r.doubt = err, true
			return
		}
		c.note(r, i, got)
		if !c.o.LMTP { // one reply for all
			for j := i + 1; j < len(t.to); j++ {
				if r.refused[j] == nil {
					c.note(r, j, got)
				}
			}
			break
		}
	}
}

// finalReply reads a reply to the data. 421 is one like others: what it refuses was not taken, though the session ends.
func (c *session) finalReply() (reply, error) {
	got, last, err := c.w.reply(c.o.Timeouts.Final)
	switch {
	case err != nil:
		return got, c.fail(endOfData, err, last)
	case !got.positive() && !got.refused():
		return got, c.odd(endOfData, got)
	}
	return got, nil
}

func (c *session) note(r *result, i int, got reply) {
	if got.positive() {
		r.served[i] = true
		return
	}
	r.refused[i] = c.refusal(endOfData, got)
	if got.code == 421 {
		c.broken = true
		r.err = r.refused[i]
	}
}

// writeContent sends everything up to and with the final dot, and what stands behind it, in large writes.
func (c *session) writeContent(t *task, r *result, behind func(*result) []byte) bool {
	if _, err := t.body.Seek(0, io.SeekStart); err != nil {
		r.source = err
		return false
	}
	if c.out == nil {
		c.out = make([]byte, 0, outSize+2*blockSize+8+maxFlight)
	}
	lines := encoder{stuff: true}
	out := lines.append(c.out[:0], t.added)
	in := make([]byte, blockSize)
	var read, sent int64
	for {
		n, err := t.body.Read(in)
		read += int64(n)
		if read > t.read {
			r.source = fmt.Errorf("the message grew beyond %d octets", t.read)
			return false
		}
		out = lines.append(out, in[:n])
		if err == io.EOF {
			break
		}
		if err != nil {
			r.source = err
			return false
		}
		if len(out) >= outSize {
			if n, err := c.w.put(out, c.o.Timeouts.Block); err != nil {
				c.w.log.SentBody(sent+int64(n), false)
				c.refusedEarly(r, err)
				return false
			}
			sent += int64(len(out))
			out = out[:0]
		}
	}
	if read != t.read {
		r.source = fmt.Errorf("the message has %d octets instead of %d: %w", read, t.read, io.ErrUnexpectedEOF)
		return false
	}
	out = append(lines.end(out), ".\r\n"...)
	end := len(out)
	out = append(out, behind(r)...)
	c.w.log.SentBody(sent+int64(end), true)
	c.w.log.Sent(out[end:])
	n, err := c.w.put(out, c.o.Timeouts.Block)
	if err == nil {
		return true
	}
	if n >= end && end < len(out) {
		c.broken, r.behind = true, err // once the reply was read
		return true
	}
	// Without its last LF no receiver that is right has a message. One that takes a bare CR for a line end might.
	if n > end-2 {
		r.doubt = true
		r.err = c.fail("data", err, nil)
		return false
	}
	c.refusedEarly(r, err)
	return false
}

// refusedEarly is for a server that stopped reading: it may have said why.
func (c *session) refusedEarly(r *result, cause error) {
	r.err = c.fail("data", cause, nil)
	if errors.Is(cause, os.ErrDeadlineExceeded) {
		return
	}
	got, _, err := c.w.reply(lastWords)
	if err != nil || !got.refused() {
		return
	}
	refusal := c.refusal("data", got)
	if got.code == 421 {
		r.err = refusal
		return
	}
	r.err = nil
	for i := range r.refused {
		if r.refused[i] == nil {
			r.refused[i] = refusal
		}
	}
}
