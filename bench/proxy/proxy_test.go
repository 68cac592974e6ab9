package proxy

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

// serve listens on loopback and runs handle for each connection, closing it afterwards.
func serve(t *testing.T, handle func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { defer c.Close(); handle(c) })
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return l.Addr().String()
}

func start(t *testing.T, target string, o Options) (*Proxy, *net.TCPConn) {
	t.Helper()
	p, err := Start(target, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	c, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(30 * time.Second))
	return p, c.(*net.TCPConn)
}

func echo(c net.Conn) { io.Copy(c, c) }

// A round trip takes twice the delay. The median of many is compared, since this machine may be busy.
func TestDelay(t *testing.T) {
	const delay = 25 * time.Millisecond
	_, c := start(t, serve(t, echo), Options{Delay: delay})
	buf := make([]byte, 4)
	var trips []time.Duration
	for i := range 22 {
		began := time.Now()
		c.Write([]byte("ping"))
		if _, err := io.ReadFull(c, buf); err != nil {
			t.Fatal(err)
		}
		if i > 0 { // the first one includes the connection
			trips = append(trips, time.Since(began))
		}
	}
	slices.Sort(trips)
	if trips[0] < 2*delay {
		t.Errorf("a round trip took %v, less than %v", trips[0], 2*delay)
	}
	if m := trips[len(trips)/2]; m > 2*delay+4*time.Millisecond {
		t.Errorf("a round trip takes %v, want %v", m, 2*delay)
	}
}

// Greeting two round trips after the connection was asked for, as over a real distance.
func TestGreeting(t *testing.T) {
	const delay = 20 * time.Millisecond
	addr := serve(t, func(c net.Conn) { c.Write([]byte("+OK\r\n")); io.Copy(io.Discard, c) })
	began := time.Now()
	_, c := start(t, addr, Options{Delay: delay})
	if _, err := io.ReadFull(c, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	if d := time.Since(began); d < 4*delay {
		t.Errorf("greeted after %v, want at least %v", d, 4*delay)
	}
}

// Latency costs no throughput, and every byte passes unchanged both ways.
func TestManyBytesInFlight(t *testing.T) {
	data := make([]byte, 16<<20)
	r := rand.NewChaCha8([32]byte{1})
	r.Read(data)
	p, c := start(t, serve(t, echo), Options{Delay: 25 * time.Millisecond})
	began := time.Now()
	go func() { c.Write(data); c.CloseWrite() }()
	got, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	if sha256.Sum256(got) != sha256.Sum256(data) {
		t.Errorf("%d octets came back, not the %d sent", len(got), len(data))
	}
	// One chunk per round trip would take 64 round trips, 3.2 s.
	if d := time.Since(began); d > 2*time.Second {
		t.Errorf("16 MiB took %v", d)
	}
	if p.FromClient() != int64(len(data)) || p.FromServer() != int64(len(data)) {
		t.Errorf("counted %d and %d octets", p.FromClient(), p.FromServer())
	}
}

func TestRate(t *testing.T) {
	data := make([]byte, 300<<10)
	addr := serve(t, func(c net.Conn) { c.Write(data) })
	began := time.Now()
	_, c := start(t, addr, Options{Rate: 1 << 20})
	if n, err := io.Copy(io.Discard, c); err != nil || n != int64(len(data)) {
		t.Fatalf("%d octets, %v", n, err)
	}
	if d := time.Since(began); d < 280*time.Millisecond || d > 900*time.Millisecond {
		t.Errorf("300 KiB at 1 MiB/s took %v, want about 293ms", d)
	}
}

// Exactly so many octets arrive, then the connection ends in both directions; the next connection is another one's.
func TestCut(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789"), 50_000)
	addr := serve(t, func(c net.Conn) { c.Write(data); io.Copy(io.Discard, c) })
	cuts := []int64{0, 1, 123_457, -1}
	p, c := start(t, addr, Options{Delay: time.Millisecond, CutAfter: func(n int) int64 { return cuts[n] }})
	for i, cut := range cuts {
		if i > 0 {
			d, err := net.Dial("tcp", p.Addr())
			if err != nil {
				t.Fatal(err)
			}
			c = d.(*net.TCPConn)
			t.Cleanup(func() { d.Close() })
			c.SetDeadline(time.Now().Add(30 * time.Second))
		}
		want := cut
		if cut < 0 {
			c.CloseWrite()
			want = int64(len(data))
		}
		got, err := io.ReadAll(c)
		if err != nil && !(cut >= 0 && errors.Is(err, syscall.ECONNRESET)) {
			t.Fatal(err)
		}
		if int64(len(got)) != want || !bytes.Equal(got, data[:len(got)]) {
			t.Errorf("connection %d: %d octets, want %d", i, len(got), want)
		}
	}
}

// Close ends what is under way, even bytes that are still being delayed, and returns.
func TestClose(t *testing.T) {
	p, c := start(t, serve(t, echo), Options{Delay: time.Hour})
	c.Write([]byte("never arrives"))
	done := make(chan struct{})
	go func() { p.Close(); p.Close(); close(done) }()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("Close does not return")
	}
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("the connection is still open")
	}
}

// A server that is not there shows as a connection that ends.
func TestNoServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	_, c := start(t, l.Addr().String(), Options{})
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("read something from a server that is not there")
	}
}
