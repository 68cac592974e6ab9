package imap

import (
	"fmt"
	"io"
	"time"
)

// outSize is how much is collected before it is written, in octets.
const outSize = 64 << 10

// pour writes a line, a message and a line end, in large writes of which each may take so long; before is called before each of them, and told which is the last one.
// source is why the message could not be read: then its last octet was not written. Else err is why not all could be written, and
// behind how many octets of the message were.
func (w *wire) pour(t *task, line string, wait time.Duration, before func(last bool)) (behind int64, source, err error) {
	if w.out == nil {
		w.out = make([]byte, 0, outSize+2*blockSize)
	}
	out := append(append(w.out[:0], line...), t.added...)
	behind = -int64(len(line))
	in := make([]byte, blockSize)
	if w.log.Sent([]byte(line)); t.octets > 0 {
		defer func() { w.log.SentBody(min(max(behind, 0), t.octets), behind >= t.octets) }()
	}
	var read int64
	flush := func(last bool) error {
		before(last)
		n, err := w.put(out, wait)
		behind += int64(n)
		out = out[:0]
		return err
	}
	for {
		n, err := t.body.Read(in)
		if read += int64(n); read > t.read {
			return behind, fmt.Errorf("the message grew beyond %d octets", t.read), nil
		}
		if err == io.EOF {
			out = append(out, in[:n]...)
			break
		}
		if err != nil {
			return behind, err, nil
		}
		// The last octet waits until it is known that all could be read: only a whole message may become one.
		if out = append(out, in[:n]...); len(out) > outSize && read < t.read {
			if err := flush(false); err != nil {
				return behind, nil, err
			}
		}
	}
	if read != t.read {
		return behind, fmt.Errorf("the message has %d octets instead of %d: %w", read, t.read, io.ErrUnexpectedEOF), nil
	}
	out = append(out, "\r\n"...)
	err = flush(true)
	return behind, nil, err
}
