package fault

import (
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// Pipe is net.Pipe with a buffer in both directions: a write never waits. Deadlines work, under a fake clock too.
func Pipe() (client, server net.Conn) {
	a, b := newQueue(), newQueue()
	return &pipeConn{in: a, out: b}, &pipeConn{in: b, out: a}
}

// queue is one direction.
type queue struct {
	mu       sync.Mutex
	data     []byte
	closed   bool
	deadline time.Time
	changed  chan struct{} // closed and made anew at every change
}

func newQueue() *queue { return &queue{changed: make(chan struct{})} }

func (q *queue) change(f func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	f()
	close(q.changed)
	q.changed = make(chan struct{})
}

func (q *queue) read(p []byte) (int, error) {
	for {
		q.mu.Lock()
		n := copy(p, q.data)
		q.data = q.data[n:]
		closed, deadline, changed := q.closed, q.deadline, q.changed
		q.mu.Unlock()
		late := !deadline.IsZero() && !time.Now().Before(deadline)
		switch {
		case late && n == 0:
			return 0, os.ErrDeadlineExceeded
		case n > 0:
			return n, nil
		case closed:
			return 0, io.EOF
		}
		var timer <-chan time.Time
		if !deadline.IsZero() {
			timer = time.After(time.Until(deadline))
		}
		select {
		case <-changed:
		case <-timer:
		}
	}
}

type pipeConn struct{ in, out *queue }

func (c *pipeConn) Read(p []byte) (int, error) { return c.in.read(p) }

func (c *pipeConn) Write(p []byte) (n int, err error) {
	c.out.change(func() {
		if c.out.closed {
			err = io.ErrClosedPipe
			return
		}
		c.out.data, n = append(c.out.data, p...), len(p)
	})
	return n, err
}

func (c *pipeConn) Close() error {
	c.in.change(func() { c.in.closed = true })
	c.out.change(func() { c.out.closed = true })
	return nil
}

func (c *pipeConn) SetReadDeadline(t time.Time) error {
	c.in.change(func() { c.in.deadline = t })
	return nil
}

func (c *pipeConn) SetWriteDeadline(time.Time) error { return nil } // a write never waits
func (c *pipeConn) SetDeadline(t time.Time) error    { return c.SetReadDeadline(t) }
func (c *pipeConn) LocalAddr() net.Addr              { return pipeAddr{} }
func (c *pipeConn) RemoteAddr() net.Addr             { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }
