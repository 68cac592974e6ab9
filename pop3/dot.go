package pop3

import (
	"bytes"
	"errors"
	"io"
)

// dotReader undoes dot-stuffing (RFC 1939, section 3). A message ends at CRLF-dot-CRLF, its first CRLF being the end
// of the message's last line or of the status line; nothing else ends it, or whoever writes a mail with bare LFs could
// make up the server's next reply. A dot is dropped only after CRLF. All other octets pass as they are.
//
// It works in place on the wire's buffer and hands out pieces as large as what has arrived.
type dotReader struct {
	w       *wire
	bol     bool   // at the beginning of a line: the last two octets were CRLF
	done    bool   // terminator seen
	left    int64  // octets that may still come
	most    int64  // what left was at the beginning
	pending []byte // unstuffed, not yet taken; lies in the buffer
}

// reset begins a message of at most so many octets.
func (d *dotReader) reset(w *wire, most int64) {
	*d = dotReader{w: w, bol: true, left: most, most: most}
}

// errTooMuch ends a message that does not end by itself.
var errTooMuch = errors.New("message does not end")

var (
	crlf    = []byte("\r\n")
	crlfDot = []byte("\r\n.")
)

// piece returns the next octets of the message, at least one, or io.EOF after the terminator. They are valid until
// the next call. It waits only while it has nothing. More than may come is errTooMuch.
func (d *dotReader) piece() ([]byte, error) {
	w := d.w
	start, out := w.r, w.r // buf[start:out] is unstuffed
	for !d.done {
		b := w.buffered()
		n := 0 // octets of b to pass on
		if d.bol && len(b) > 0 {
			switch {
			case b[0] != '.':
				d.bol = false
			case len(b) >= 2 && b[1] != '\r', len(b) >= 3 && b[2] != '\n':
				d.bol = false
				w.r++
				b = b[1:]
				if out == start {
					start, out = w.r, w.r // nothing before the dot to close up with
				}
			case len(b) >= 3:
				d.done = true
				w.r += 3
				w.log.ReceivedBody(d.most-d.left+int64(out-start), true)
				continue
			}
		}
		if !d.bol {
			if i := bytes.Index(b, crlfDot); i >= 0 {
				n, d.bol = i+2, true
			} else if bytes.HasSuffix(b, crlf) {
				n, d.bol = len(b), true
			} else if n = len(b); n > 0 && b[n-1] == '\r' {
				n--
			}
		}
		if n > 0 {
			if out != w.r {
				copy(w.buf[out:], b[:n])
			}
			out += n
			w.r += n
			continue
		}
		if out > start {
			break
		}
		if err := w.fill(); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			w.log.ReceivedBody(d.most-d.left, false)
			return nil, err
		}
		start, out = w.r, w.r
	}
	if out > start {
		if d.left -= int64(out - start); d.left < 0 {
			w.log.ReceivedBody(d.most-d.left, false)
			return nil, errTooMuch
		}
		return w.buf[start:out], nil
	}
	return nil, io.EOF
}

func (d *dotReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if len(d.pending) == 0 {
		b, err := d.piece()
		if err != nil {
			return 0, err
		}
		d.pending = b
	}
	n := copy(p, d.pending)
	d.pending = d.pending[n:]
	return n, nil
}

// skip reads on to the end of the message, but at most limit octets.
func (d *dotReader) skip(limit int64) (n int64, err error) {
	d.pending = nil
	for n <= limit {
		b, err := d.piece()
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		n += int64(len(b))
	}
	return n, errDrain
}
