package imap

import (
	"bufio"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/popsync/popsync/internal/transcript"
)

// wire is a connection on which every read and write has a deadline.
type wire struct {
	raw  net.Conn // the network
	conn net.Conn // raw, or TLS on it
	in   *bufio.Reader
	log  *transcript.Conn // takes lines, and how long messages are
	out  []byte           // room for blocks of a message

	mu    sync.Mutex
	ended bool // no deadline may be set any more
}

func newWire(raw net.Conn) *wire {
	return &wire{raw: raw, conn: raw, in: bufio.NewReaderSize(raw, 16<<10)}
}

// interrupt ends all reads and writes, now and later.
func (w *wire) interrupt() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
	_ = w.raw.SetDeadline(time.Unix(1, 0))
}

// replace puts TLS on the network and forgets everything received.
func (w *wire) replace(conn net.Conn) {
	w.conn = conn
	w.in.Reset(conn)
}

func (w *wire) deadline(set func(time.Time) error, wait time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.ended {
		_ = set(time.Now().Add(wait))
	}
}

// write sends commands within the time.
func (w *wire) write(b []byte, wait time.Duration) (int, error) {
	w.log.Sent(b)
	return w.put(b, wait)
}

// put sends all of b within the time.
func (w *wire) put(b []byte, wait time.Duration) (int, error) {
	w.deadline(w.conn.SetWriteDeadline, wait)
	n, err := w.conn.Write(b)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	return n, err
}

// alive tells whether an idle connection is still open, as far as this machine knows: what has come may be news of the mailbox, but
// not an end. It waits for a millisecond, as Go looks at a connection only while there is time left.
func (w *wire) alive() bool {
	w.deadline(w.conn.SetReadDeadline, time.Millisecond)
	_, err := w.in.Peek(w.in.Buffered() + 1)
	var timeout net.Error
	return err == nil || errors.Is(err, bufio.ErrBufferFull) || errors.As(err, &timeout) && timeout.Timeout()
}

// close ends the connection without ceremony.
func (w *wire) close() {
	w.log.Closed()
	_ = w.raw.Close()
}
