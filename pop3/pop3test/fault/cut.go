// Package fault breaks POP3 conversations on purpose, for tests: connections that are cut, stall or bring garbage after
// a given number of octets, and servers that follow a script to the letter.
//
// It knows nothing of POP3 itself and is kept apart from pop3test so that programs can link a server without faults.
package fault

import (
	"net"
	"sync"
)

// Kind is what happens when the octets are used up.
type Kind int

const (
	None    Kind = iota
	Close        // the connection is closed in order
	Reset        // TCP RST; over anything but TCP like Close
	Stall        // nothing more is sent until the connection is closed
	Garbage      // Plan.Garbage is put in once, then all goes on
)

// Plan says how a connection breaks. The zero value changes nothing.
type Plan struct {
	Kind    Kind
	After   int64  // octets that the server may send before
	Garbage []byte // for Garbage
	Chunk   int    // every write is split into writes of at most so many octets; 0: not split
}

// Wrap makes a server's connection follow a plan: what is written to it counts.
func Wrap(conn net.Conn, p Plan) net.Conn {
	return &cutConn{Conn: conn, plan: p, closed: make(chan struct{})}
}

// Each gives a function for pop3test.Options.Wrap: the n-th connection, from 0, follows plan(n).
func Each(plan func(n int) Plan) func(net.Conn) net.Conn {
	var mu sync.Mutex
	n := 0
	return func(conn net.Conn) net.Conn {
		mu.Lock()
		defer mu.Unlock()
		n++
		return Wrap(conn, plan(n-1))
	}
}

type cutConn struct {
	net.Conn
	plan   Plan
	sent   int64
	fired  bool
	once   sync.Once
	closed chan struct{}
}

// Write is called by one goroutine at a time, as crypto/tls and bufio do.
func (c *cutConn) Write(b []byte) (n int, err error) {
	for len(b) > 0 {
		piece := b
		if c.plan.Chunk > 0 {
			piece = piece[:min(len(piece), c.plan.Chunk)]
		}
		if c.plan.Kind != None && !c.fired {
			if left := c.plan.After - c.sent; left <= 0 {
				if err := c.fire(); err != nil {
					return n, err
				}
			} else if int64(len(piece)) > left {
				piece = piece[:left]
			}
		}
		k, err := c.Conn.Write(piece)
		n += k
		c.sent += int64(k)
		if err != nil {
			return n, err
		}
		b = b[len(piece):]
	}
	// A cut right after the last octet of a reply must not wait for the next reply.
	if k := c.plan.Kind; (k == Close || k == Reset) && !c.fired && c.sent >= c.plan.After {
		_ = c.fire()
	}
	return n, nil
}

func (c *cutConn) fire() error {
	c.fired = true
	switch c.plan.Kind {
	case Garbage:
		_, err := c.Conn.Write(c.plan.Garbage)
		return err
	case Stall:
		<-c.closed
		return net.ErrClosed
	case Reset:
		if t, ok := c.Conn.(*net.TCPConn); ok {
			_ = t.SetLinger(0)
		}
	}
	_ = c.Close()
	return net.ErrClosed
}

// Close ends a stall too.
func (c *cutConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}
