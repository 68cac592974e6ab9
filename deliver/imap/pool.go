package imap

import (
	"context"
	"sync"
	"time"
)

// pool keeps connections that nobody uses for the next message. It is safe for concurrent use.
type pool struct {
	o *Options

	mu     sync.Mutex
	idle   []*session // at most Connections, the one used last at the end
	closed bool
}

// acquire takes the idle connection that was used last, or opens one; fresh insists on that.
func (p *pool) acquire(ctx context.Context, fresh bool) (c *session, reused bool, err error) {
	for !fresh {
		p.mu.Lock()
		if n := len(p.idle); n > 0 {
			c = p.idle[n-1]
			p.idle = p.idle[:n-1]
		}
		p.mu.Unlock()
		if c == nil {
			break
		}
		c.keep(0, nil)
		if !c.broken && (time.Since(c.idle) < lookAfter || c.w.alive()) {
			return c, true, nil
		}
		c.w.close()
		c = nil
	}
	p.mu.Lock()
	closed := p.closed
	p.mu.Unlock()
	if closed {
		return nil, false, errClosed
	}
	c, err = dial(ctx, p.o)
	return c, false, err
}

const (
	lookAfter = time.Second     // a connection that was idle for less is used without a look at it
	keepAlive = 4 * time.Minute // between signs of life on an idle connection
)

// release keeps a connection for the next message, or ends it.
func (p *pool) release(ctx context.Context, c *session) {
	if c.broken || c.lapsed {
		c.w.close()
		return
	}
	c.idle = time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.idle) >= p.o.Connections {
		c.w.close()
		return
	}
	c.keep(keepAlive, func() { p.noop(c) })
	p.idle = append(p.idle, c)
}

// noop shows the server that an idle connection is still wanted.
func (p *pool) noop(c *session) {
	p.mu.Lock()
	for i, one := range p.idle {
		if one == c {
			p.idle = append(p.idle[:i], p.idle[i+1:]...)
			p.mu.Unlock()
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			_ = c.noop(ctx)
			p.release(ctx, c)
			return
		}
	}
	p.mu.Unlock() // somebody has just taken it
}

// ready is acquire for a whole window: a connection that was idle for a while is asked first whether it is alive, as all of a window would be
// in doubt.
func (p *pool) ready(ctx context.Context) (*session, error) {
	c, reused, err := p.acquire(ctx, false)
	if err != nil || !reused || time.Since(c.idle) < lookAfter {
		return c, err
	}
	if err := c.noop(ctx); err == nil && !c.broken {
		return c, nil
	}
	c.w.close()
	c, _, err = p.acquire(ctx, true)
	return c, err
}

// quitTime is how long close waits for answers to LOGOUT: nothing depends on them, and a pass that was told to end waits for it.
const quitTime = 500 * time.Millisecond

// close says LOGOUT on all idle connections, at once, and closes them after half a second at most.
func (p *pool) close() {
	p.mu.Lock()
	idle := p.idle
	p.idle, p.closed = nil, true
	p.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), quitTime)
	defer cancel()
	var wg sync.WaitGroup
	for _, c := range idle {
		c.keep(0, nil)
		wg.Go(func() { c.quit(ctx) })
	}
	wg.Wait()
}
