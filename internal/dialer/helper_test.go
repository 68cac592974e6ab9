package dialer

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

const secretWord = "pr0xy-s3cret-word"

func passwordOf(secret string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return secret, nil }
}

// target is a server that greets, and then gives back what it is told. It knows where its connections came from.
type target struct {
	addr string
	mu   sync.Mutex
	from []string
}

func newTarget(t *testing.T) *target {
	s := &target{}
	s.addr = listen(t, func(conn net.Conn) {
		host, _, _ := net.SplitHostPort(conn.RemoteAddr().String())
		s.mu.Lock()
		s.from = append(s.from, host)
		s.mu.Unlock()
		io.WriteString(conn, "+OK hello\r\n")
		io.Copy(conn, conn)
	})
	return s
}

func (s *target) port() string {
	_, port, _ := net.SplitHostPort(s.addr)
	return port
}

func (s *target) seen() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.from, " ")
}

// listen serves on loopback until the test ends.
func listen(t *testing.T, serve func(conn net.Conn)) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	ctx, end := context.WithCancel(context.Background())
	t.Cleanup(func() {
		l.Close()
		end()
		wg.Wait()
	})
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer conn.Close()
				defer context.AfterFunc(ctx, func() { conn.Close() })()
				serve(conn)
			})
		}
	})
	return l.Addr().String()
}

// greeted talks to a target through a connection.
func greeted(t *testing.T, conn net.Conn, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	in := bufio.NewReader(conn)
	line, err := in.ReadString('\n')
	if err != nil || line != "+OK hello\r\n" {
		t.Fatalf("greeting %q, %v", line, err)
	}
	if _, err := io.WriteString(conn, "NOOP\r\n"); err != nil {
		t.Fatal(err)
	}
	if line, err = in.ReadString('\n'); err != nil || line != "NOOP\r\n" {
		t.Fatalf("echo %q, %v", line, err)
	}
}

// faultIs wants an error of the kind, which names what it should and shows no secret.
func faultIs(t *testing.T, err error, want Fault, text string) {
	t.Helper()
	e, ok := errors.AsType[*Error](err)
	switch {
	case !ok:
		t.Errorf("%T %v", err, err)
	case e.Fault != want || !strings.Contains(err.Error(), text):
		t.Errorf("fault %d, want %d with %q: %v", e.Fault, want, text, err)
	case strings.Contains(err.Error()+e.Hint(), secretWord):
		t.Errorf("the error shows a secret: %v", err)
	case errors.Is(err, io.EOF):
		t.Errorf("the error says that the server closed: %v", err)
	}
}

func mustNew(t *testing.T, o Options) *Dialer {
	t.Helper()
	d, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
