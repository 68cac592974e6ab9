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

// content is the content of one message on its way, after 354.
type content struct {
	c      *session
	t      *task
	r      *result
	behind func(*result) []byte // gives what is sent together with the final dot
}

// send sends the message and reads what the server makes of it. Only a message that was read to its end gets its
// final dot; all other ways out leave the connection to be dropped.
func (m *content) send() {
	if !m.write() {
		m.c.broken = true
		return
	}
	for i := range m.t.to {
		if m.r.refused[i] != nil {
			continue
		}
		got, err := m.finalReply()
		if err != nil {
			m.r.err, m.r.doubt = err, true
			return
		}
		m.note(i, got)
		if !m.c.o.LMTP { // one reply for all
			for j := i + 1; j < len(m.t.to); j++ {
				if m.r.refused[j] == nil {
					m.note(j, got)
				}
			}
			break
		}
	}
}

// finalReply reads a reply to the data. 421 is one like others: what it refuses was not taken, though the session ends.
func (m *content) finalReply() (reply, error) {
	c := m.c
	got, last, err := c.w.reply(c.o.Timeouts.Final)
	switch {
	case err != nil:
		return got, c.fail(endOfData, err, last)
	case !got.positive() && !got.refused():
		return got, c.odd(endOfData, got)
	}
	return got, nil
}

func (m *content) note(i int, got reply) {
	c, r := m.c, m.r
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

// write sends everything up to and with the final dot, and what stands behind it, in large writes.
func (m *content) write() bool {
	c, t, r := m.c, m.t, m.r
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
				m.refusedEarly(err)
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
	out = append(out, m.behind(r)...)
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
	m.refusedEarly(err)
	return false
}

// refusedEarly is for a server that stopped reading: it may have said why.
func (m *content) refusedEarly(cause error) {
	c, r := m.c, m.r
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
