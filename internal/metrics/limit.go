package metrics

import (
	"net"
	"sync"
)

// limited is a listener with at most most open connections. A new one is always let in, in place of the one that has done nothing
// for longest: whoever opens many and says nothing, or half a request, closes his own, and nobody else waits.
type limited struct {
	net.Listener
	most int

	mu   sync.Mutex
	open []*limitedConn // the one whose last request ended first, or that never had one, comes first
}

func limit(l net.Listener, most int) *limited { return &limited{Listener: l, most: most} }

func (l *limited) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	in := &limitedConn{Conn: c, from: l}
	if out := l.admit(in); out != nil {
		_ = out.Conn.Close()
	}
	return in, nil
}

// admit takes a connection in and returns the one that must go for it, nil for none.
func (l *limited) admit(in *limitedConn) (out *limitedConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.open) >= l.most {
		at := 0 // all are being answered: the first one's client does not read
		for i, c := range l.open {
			if !c.answering {
				at = i
				break
			}
		}
		out = l.open[at]
		l.remove(out)
	}
	l.open = append(l.open, in)
	return out
}

// remove forgets a connection; l.mu is held.
func (l *limited) remove(c *limitedConn) {
	for i, o := range l.open {
		if o == c {
			l.open = append(l.open[:i], l.open[i+1:]...)
			return
		}
	}
}

type limitedConn struct {
	net.Conn
	from      *limited
	answering bool // a whole request is here; from.mu is held
}

// answers notes that a request is being answered, until done.
func (c *limitedConn) answers() (done func()) {
	note := func(on bool) {
		c.from.mu.Lock()
		defer c.from.mu.Unlock()
		c.answering = on
		for i, o := range c.from.open { // unless it had to go
			if o == c {
				c.from.open = append(append(c.from.open[:i], c.from.open[i+1:]...), c)
				return
			}
		}
	}
	note(true)
	return func() { note(false) }
}

func (c *limitedConn) Close() error {
	c.from.mu.Lock()
	c.from.remove(c)
	c.from.mu.Unlock()
	return c.Conn.Close()
}
