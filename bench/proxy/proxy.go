// Package proxy is a TCP proxy that makes loopback behave like a distant, slow or failing server, for tests and
// benchmarks.
//
// It delays every byte by the same time in each direction while any number of bytes are on the way (latency without
// a loss of throughput), can limit the rate, and can cut a connection after a given byte. It looks at no protocol
// and reorders, drops and changes nothing else.
package proxy

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Options describe the way between client and server. The zero value passes everything on at once.
type Options struct {
	Delay time.Duration // one way, in each direction; a round trip takes twice as long
	Rate  int64         // octets per second in each direction of each connection; 0: no limit
	// CutAfter tells after how many octets from the server connection n (the first is 0) is closed, in both
	// directions; negative: never. It may be called from many goroutines. nil: never.
	CutAfter func(n int) int64
}

// Proxy is a running proxy.
type Proxy struct {
	target   string
	o        Options
	listener net.Listener

	fromServer atomic.Int64
	fromClient atomic.Int64
	closed     chan struct{} // closed by Close
	wg         sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]struct{} // nil once closed
}

// Start listens on a loopback port and passes each connection on to target (host:port). The caller closes it.
func Start(target string, o Options) (*Proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{target: target, o: o, listener: l, closed: make(chan struct{}), conns: map[net.Conn]struct{}{}}
	p.wg.Go(p.accept)
	return p, nil
}

// Addr is where the proxy listens (host:port).
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// FromServer is how many octets were passed on to clients, over all connections.
func (p *Proxy) FromServer() int64 { return p.fromServer.Load() }

// FromClient is how many octets were passed on to the server, over all connections.
func (p *Proxy) FromClient() int64 { return p.fromClient.Load() }

// Close ends all connections and waits until nothing of the proxy runs any more. A second Close does nothing.
func (p *Proxy) Close() error {
	p.mu.Lock()
	conns := p.conns
	p.conns = nil
	p.mu.Unlock()
	if conns == nil {
		return nil
	}
	close(p.closed)
	err := p.listener.Close()
	for c := range conns {
		c.Close()
	}
	p.wg.Wait()
	return err
}

func (p *Proxy) accept() {
	for n := 0; ; n++ {
		client, err := p.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(time.Millisecond) // out of descriptors, say: try again rather than spin
			continue
		}
		if !p.track(client) {
			return
		}
		p.wg.Go(func() { p.serve(client, n) })
	}
}

// serve runs one connection until both directions have ended.
func (p *Proxy) serve(client net.Conn, n int) {
	defer p.drop(client)
	// Over a real distance a server greets two round trips after the client's first packet: the handshake takes one
	// and a half of them. Here the client is already connected, so the dial waits that long.
	if !p.wait(time.Now().Add(3 * p.o.Delay)) {
		return
	}
	server, err := net.Dial("tcp", p.target)
	if err != nil || !p.track(server) {
		return
	}
	defer p.drop(server)

	cut := int64(-1)
	if p.o.CutAfter != nil {
		cut = p.o.CutAfter(n)
	}
	var both sync.WaitGroup
	both.Go(func() { p.pass(server, client, -1, &p.fromClient) })
	both.Go(func() {
		if p.pass(client, server, cut, &p.fromServer) {
			client.Close()
			server.Close()
		}
	})
	both.Wait()
}

// track registers a connection for Close; false when the proxy is closed, and so is the connection.
func (p *Proxy) track(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conns == nil {
		c.Close()
		return false
	}
	p.conns[c] = struct{}{}
	return true
}

func (p *Proxy) drop(c net.Conn) {
	c.Close()
	p.mu.Lock()
	delete(p.conns, c)
	p.mu.Unlock()
}

// wait sleeps until a time; false when the proxy was closed first.
func (p *Proxy) wait(until time.Time) bool {
	d := time.Until(until)
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-p.closed:
		return false
	}
}
