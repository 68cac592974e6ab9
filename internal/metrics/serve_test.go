package metrics

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// listenTCP listens on a port that is free.
func listenTCP(t *testing.T) net.Listener {
	t.Helper()
	for {
		free, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		free.Close()
		if l, err := Listen(free.Addr().String()); err == nil { // else somebody was faster
			return l
		}
	}
}

func listenUnixSocket(t *testing.T) net.Listener {
	t.Helper()
	l, err := Listen("unix:" + filepath.Join(t.TempDir(), "m.sock"))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestServe(t *testing.T) {
	m := sample()
	want := text(t, m)
	for _, l := range []net.Listener{listenTCP(t), listenUnixSocket(t)} {
		network, address := l.Addr().Network(), l.Addr().String()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- m.ServeListener(ctx, l) }()
		transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, address)
		}}
		client := &http.Client{Transport: transport}
		for path, code := range map[string]int{"/metrics": 200, "/": 404, "/metrics/x": 404, "/debug/pprof/": 404} {
			resp, err := client.Get("http://localhost" + path)
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil || resp.StatusCode != code {
				t.Errorf("%s%s: %s, %v", address, path, resp.Status, err)
			}
			if code == 200 && string(b) != want {
				t.Errorf("%s: the answer is not the figures:\n%s", address, b)
			}
		}
		resp, err := client.Post("http://127.0.0.1:9110/metrics", "", nil)
		if err != nil || resp.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("POST: %v, %v", resp, err)
		}
		resp.Body.Close()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("told to stop: %v", err)
		}
		if c, err := net.Dial(network, address); err == nil {
			c.Close()
			t.Errorf("%s still answers", address)
		}
		transport.CloseIdleConnections()
	}
}

// An address that is taken is an error at once.
func TestServeTwice(t *testing.T) {
	l := listenTCP(t)
	defer l.Close()
	if err := sample().Serve(t.Context(), l.Addr().String()); err == nil {
		t.Error("served on an address that is taken")
	}
}

func TestServeEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := sample().Serve(ctx, "unix:"+filepath.Join(t.TempDir(), "m.sock")); err != nil {
		t.Errorf("stopped before it began: %v", err)
	}
	l := listenTCP(t)
	l.Close()
	if err := sample().ServeListener(t.Context(), l); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a listener that broke: %v", err)
	}
}

// pipes is a listener within a bubble.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func newPipes() *pipes { return &pipes{make(chan net.Conn, 100), make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Net: "unix"} }
func (p *pipes) dial() net.Conn {
	here, there := net.Pipe()
	p.conns <- there
	return here
}

// Clients that are slow in every way lose their connection, and their place goes to one that is not.
func TestSlowClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		p := newPipes()
		ended := make(chan error)
		go func() { ended <- sample().ServeListener(ctx, p) }()
		start := time.Now()
		var slow []net.Conn
		for i := range maxConnections {
			c := p.dial()
			slow = append(slow, c)
			switch i % 4 {
			case 0: // says nothing
			case 1:
				io.WriteString(c, "GET /metrics HTTP/1.1\r\nHost: x\r\n") // and no more
			case 2:
				io.WriteString(c, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n") // and never reads
			case 3: // one header line a second
				go func() {
					_, err := io.WriteString(c, "GET /metrics HTTP/1.1\r\n")
					for i := 0; err == nil; i++ {
						time.Sleep(time.Second)
						_, err = fmt.Fprintf(c, "X-%d: y\r\n", i)
					}
				}()
			}
		}
		synctest.Wait()
		good := p.dial()
		synctest.Wait()
		if n := len(p.conns); n != 0 {
			t.Errorf("%d connections wait for a place", n)
		}
		io.WriteString(good, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(good), nil)
		if err != nil || resp.StatusCode != 200 {
			t.Fatalf("%v, %v", resp, err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			t.Error(err)
		}
		if d := time.Since(start); d > 0 {
			t.Errorf("a place was free after %v", d)
		}
		if _, err := slow[0].Read(make([]byte, 1)); err != io.EOF || time.Since(start) > 0 {
			t.Errorf("the first that says nothing still has its place: %v", err)
		}
		time.Sleep(time.Until(start.Add(writeTimeout + readTimeout)))
		for i, c := range slow {
			before := time.Now()
			if _, err := io.Copy(io.Discard, c); err != nil && !errors.Is(err, io.ErrClosedPipe) {
				t.Errorf("client %d: %v", i, err)
			}
			if time.Since(before) > 0 {
				t.Errorf("client %d was still connected", i)
			}
		}
		// Half a request does not hold up the end for long.
		busy := p.dial()
		io.WriteString(busy, "GET /met")
		synctest.Wait()
		start = time.Now()
		cancel()
		if err := <-ended; err != nil || time.Since(start) > closeTimeout {
			t.Errorf("ended after %v: %v", time.Since(start), err)
		}
		if io.Copy(io.Discard, busy); time.Since(start) > closeTimeout {
			t.Errorf("a connection was left for %v", time.Since(start))
		}
		for _, c := range append(slow, good, busy) {
			c.Close()
		}
	})
}

func TestLongHeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		p := newPipes()
		ended := make(chan error)
		go func() { ended <- sample().ServeListener(ctx, p) }()
		c := p.dial()
		go io.WriteString(c, "GET /metrics HTTP/1.1\r\nHost: x\r\nX: "+strings.Repeat("y", 4*maxHeader))
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("%v, %v", resp, err)
		}
		c.Close()
		cancel()
		<-ended
	})
}

// The place of a new connection is that of the one that has done nothing for longest, never that of one that is being answered as
// long as there is another.
func TestLimit(t *testing.T) {
	p := newPipes()
	l := limit(p, 3)
	accept := func() (*limitedConn, net.Conn) {
		t.Helper()
		there := p.dial()
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		return c.(*limitedConn), there
	}
	closed := func(there net.Conn) bool {
		_ = there.SetReadDeadline(time.Now())
		_, err := there.Read(make([]byte, 1))
		return err == io.EOF
	}
	a, aThere := accept()
	b, bThere := accept()
	_, cThere := accept()
	doneA := a.answers()
	_, dThere := accept() // b is the one that did nothing for longest
	if closed(aThere) || !closed(bThere) || closed(cThere) {
		t.Error("it was not the second that went")
	}
	b.Close() // by the server, which notices: another place must not come of it
	doneA()   // now the third and the fourth were there longer
	_, eThere := accept()
	if closed(aThere) || !closed(cThere) || closed(dThere) {
		t.Error("it was not the third that went")
	}
	l.mu.Lock()
	for _, c := range l.open {
		c.answering = true
	}
	n := len(l.open)
	l.mu.Unlock()
	_, fThere := accept()
	if n != 3 || !closed(dThere) || closed(aThere) || closed(eThere) || closed(fThere) {
		t.Errorf("%d open; of those that are all answered, it was not the first that went", n)
	}
	a.Close()
	a.Close()
	if l.mu.Lock(); len(l.open) != 2 {
		t.Errorf("%d are open", len(l.open))
	}
	l.mu.Unlock()
	l.Close()
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}
