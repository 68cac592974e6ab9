package pop3

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/popsync/popsync/internal/transcript"
)

// wire is a connection with one read buffer. Whoever reads decides how long to wait: until a fixed time for a status
// line (deadline), or a while between reads for bodies and listings (idle, when deadline is zero).
type wire struct {
	conn net.Conn
	buf  []byte
	r, w int // buf[r:w] is received and not yet used

	deadline time.Time
	idle     time.Duration
	flush    func() error // sends what is ready to be sent; called before every read

	spent time.Duration // waited, since got was zero
	got   int           // octets that idle reads brought meanwhile

	slack    time.Duration    // for an answer of many lines, beside what its octets need at rate
	rate     int              // octets a second
	answer   meter            // of the answer that idle reads bring
	phase    *meter           // of a row of commands; nil: only each reply is bounded
	received func(octets int) // told of all that comes; nil: nobody is
	log      *transcript.Conn // takes lines, and how long bodies are

	mu    sync.Mutex
	ended bool // no deadline may be set any more
}

// Idle reads must bring slowBytes in slowFactor times the idle time: a trickle would otherwise last for ever.
const (
	slowFactor = 5
	slowBytes  = 5 << 10
)

func newWire(conn net.Conn) *wire { return &wire{conn: conn, buf: make([]byte, bufferSize)} }

// interrupt ends all reads and writes, now and later.
func (w *wire) interrupt() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
	_ = w.conn.SetDeadline(time.Unix(1, 0)) // a connection that takes no deadline is closed by the caller all the same
}

// replace puts another connection underneath and forgets everything received (RFC 2595, section 4).
func (w *wire) replace(conn net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conn, w.r, w.w = conn, 0, 0
	if w.ended {
		_ = conn.SetDeadline(time.Unix(1, 0))
	}
}

func (w *wire) setReadDeadline(t time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.ended {
		_ = w.conn.SetReadDeadline(t)
	}
}

func (w *wire) setWriteDeadline(t time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.ended {
		_ = w.conn.SetWriteDeadline(t)
	}
}

func (w *wire) buffered() []byte { return w.buf[w.r:w.w] }

// fill waits for at least one more octet. Slices of the buffer handed out before are invalid afterwards.
func (w *wire) fill() error {
	if w.flush != nil {
		if err := w.flush(); err != nil {
			return err
		}
	}
	if w.r > 0 && (w.w-w.r < 1024 || w.w == len(w.buf)) {
		w.w = copy(w.buf, w.buf[w.r:w.w])
		w.r = 0
	}
	start := time.Now()
	deadline, slow := w.patience(start)
	w.setReadDeadline(deadline)
	for range 100 {
		n, err := w.conn.Read(w.buf[w.w:])
		if n > 0 {
			w.w += n
			w.account(time.Since(start), n)
			if w.received != nil {
				w.received(n)
			}
			return nil // an error that came along is met again by the next read
		}
		if slow && errors.Is(err, os.ErrDeadlineExceeded) {
			return ErrSlow
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// line returns the next line without its CRLF; it is valid until the next read. A line of more than limit octets is
// errLongLine, one that ends in LF alone is errBareLF and still returned.
func (w *wire) line(limit int) ([]byte, error) {
	line, err := w.nextLine(limit)
	if len(line) > 0 || err == nil {
		w.log.Received(line, err != nil && err != errBareLF)
	}
	return line, err
}

func (w *wire) nextLine(limit int) ([]byte, error) {
	seen := 0
	for {
		b := w.buffered()
		if i := bytes.IndexByte(b[seen:], '\n'); i >= 0 {
			n := seen + i
			if n >= limit {
				return b[:limit], errLongLine
			}
			w.r += n + 1
			if n == 0 || b[n-1] != '\r' {
				return b[:n], errBareLF
			}
			return b[:n-1], nil
		}
		if seen = len(b); seen >= limit {
			return b[:limit], errLongLine
		}
		if err := w.fill(); err != nil {
			if err == io.EOF && seen > 0 {
				err = io.ErrUnexpectedEOF
			}
			return w.buffered(), err
		}
	}
}

// write sends b before a fixed time.
func (w *wire) write(b []byte, deadline time.Time) error {
	w.log.Sent(b)
	w.setWriteDeadline(deadline)
	n, err := w.conn.Write(b)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	return err
}
