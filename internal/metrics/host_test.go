package metrics

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

func TestOwnHost(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "localhost:9110": true, "LocalHost": true, "localhost.": true, "127.0.0.1": true, "127.0.0.1:9110": true, "127.8.9.10:1": true,
		"[::1]": true, "[::1]:9110": true, "::1": true, "[::ffff:127.0.0.1]:1": true,
		"": false, ":9110": false, "evil.example": false, "evil.example:9110": false, "localhost.evil.example": false, "127.0.0.1.evil.example": false, "127.0.0.1@evil.example": false,
		"10.0.0.1": false, "0.0.0.0": false, "[::]:9110": false, "128.0.0.1": false, "[::1%25lo]:1": false, "127.1": false, "2130706433": false, "[localhost]": true, "popsync": false,
	} {
		if got := isOwnHost(host); got != want {
			t.Errorf("%q: %v", host, got)
		}
	}
}

// Whatever is let through is this machine.
func FuzzOwnHost(f *testing.F) {
	f.Fuzz(func(t *testing.T, host string) {
		if !isOwnHost(host) {
			return
		}
		plain := strings.ToLower(host)
		if !strings.Contains(plain, "localhost") && !strings.Contains(plain, "127.") && !strings.Contains(plain, ":") {
			t.Errorf("%q", host)
		}
		if strings.ContainsAny(host, "@/ \\") {
			t.Errorf("%q", host)
		}
	})
}

// served serves on a real socket until the test ends.
func served(t *testing.T, l net.Listener) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- sample().ServeListener(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func ask(t *testing.T, l net.Listener, request string) (int, string) {
	t.Helper()
	c, err := net.Dial(l.Addr().Network(), l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatalf("%q: %v", request, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// A browser that was led here under another name gets nothing, whatever it asks for; over a unix socket any name will do.
func TestHostHeader(t *testing.T) {
	tcp, unix := listenTCP(t), listenUnixSocket(t)
	served(t, tcp)
	served(t, unix)
	for request, want := range map[string]int{
		"GET /metrics HTTP/1.1\r\nHost: %s\r\n\r\n":                                          200,
		"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n":                                   200,
		"GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n":                                421,
		"GET /metrics HTTP/1.1\r\nHost: evil.example:%s\r\n\r\n":                             400, // no port
		"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n":                                       421,
		"GET http://evil.example/metrics HTTP/1.1\r\nHost: localhost\r\n\r\n":                421,
		"GET /metrics HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n":             400,
		"GET /metrics HTTP/1.1\r\n\r\n":                                                      400,
		"GET /metrics HTTP/1.0\r\n\r\n":                                                      421,
		"GET /metrics HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: localhost\r\n\r\n": 421,
	} {
		if strings.Contains(request, "%s") {
			request = fmt.Sprintf(request, tcp.Addr())
		}
		code, body := ask(t, tcp, request)
		if code != want && !(want == 400 && code == 421) || code != 200 && strings.Contains(body, "popsync_") {
			t.Errorf("%q: %d, want %d: %.60q", request, code, want, body)
		}
	}
	if code, body := ask(t, unix, "GET /metrics HTTP/1.1\r\nHost: whatever\r\n\r\n"); code != 200 || !strings.Contains(body, "popsync_") {
		t.Errorf("unix socket: %d", code)
	}
}

// Half requests, and connections that say nothing, as many as somebody likes: a scrape is answered.
func TestHalfRequestsBlockNobody(t *testing.T) {
	for _, l := range []net.Listener{listenTCP(t), listenUnixSocket(t)} {
		served(t, l)
		var rude []net.Conn
		for i := range 3 * maxConnections {
			c, err := net.Dial(l.Addr().Network(), l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			rude = append(rude, c)
			if i%2 == 0 {
				_, _ = io.WriteString(c, "GET /metrics HTTP/1.1\r\nHost: localhost\r\nX-Never: ")
			}
		}
		for range 5 {
			if code, _ := ask(t, l, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"); code != 200 {
				t.Errorf("%s: %d", l.Addr(), code)
			}
		}
		for _, c := range rude {
			c.Close()
		}
	}
}

// TestSeeds fails when a fuzz target lost its corpus: a pattern that matches nothing is no error to the fuzzer.
func TestSeeds(t *testing.T) {
	if found, err := filepath.Glob(filepath.Join("testdata", "fuzz", "FuzzOwnHost", "*")); err != nil || len(found) < 3 {
		t.Errorf("%d seeds, %v", len(found), err)
	}
}
