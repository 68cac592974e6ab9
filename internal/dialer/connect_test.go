package dialer

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// Every answer to CONNECT means something.
func TestConnectAnswers(t *testing.T) {
	login := base64.StdEncoding.EncodeToString([]byte("me:" + secretWord))
	for name, tt := range map[string]struct {
		says string
		want Fault
		text string
	}{
		"wants a login":     {"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n", Login, "refuses its login: 407"},
		"401":               {"HTTP/1.0 401 who?\r\n\r\n", Login, "401 who?"},
		"forbidden":         {"HTTP/1.1 403 Filtered\r\n\r\n<html>", Forbidden, "refuses to connect to pop.example.org:995: 403 Filtered"},
		"no such method":    {"HTTP/1.1 405 no\r\nAllow: GET\r\n\r\n", NoProxy, "is no such proxy: 405"},
		"bad gateway":       {"HTTP/1.1 502 Bad Gateway\r\n\r\n", Refused, "could not connect to pop.example.org:995: 502"},
		"no host":           {"HTTP/1.1 503\r\n\r\n", Refused, "503"},
		"moved":             {"HTTP/1.1 302 Found\r\nLocation: http://elsewhere\r\n\r\n", Refused, "302"},
		"bare LF":           {"HTTP/1.1 504 Slow\n\n", Refused, "504 Slow"},
		"after 100":         {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 403 no\r\n\r\n", Forbidden, "403 no"},
		"gives it back":     {"HTTP/1.1 407 no, " + secretWord + ", " + login + "\r\n\r\n", Login, "(secret)"},
		"control octets":    {"HTTP/1.1 403 \x1b[2Jno\r\n\r\n", Forbidden, "403"},
		"a mail server":     {"+OK POP3 ready\r\n", NoProxy, "no HTTP"},
		"SOCKS":             {"\x05\xff", Unreachable, "closed the connection"},
		"no code":           {"HTTP/1.1 OK\r\n\r\n", NoProxy, "no HTTP"},
		"code of one digit": {"HTTP/1.1 2 OK\r\n\r\n", NoProxy, "no HTTP"},
		"endless":           {"HTTP/1.1 200 OK\r\n" + strings.Repeat("X: y\r\n", 5000), NoProxy, "has no end"},
		"always 100":        {strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 5000), NoProxy, "has no end"},
		"closes":            {"", Unreachable, "closed the connection"},
		"cut":               {"HTTP/1.1 200 OK\r\nX:", Unreachable, "closed the connection"},
	} {
		t.Run(name, func(t *testing.T) {
			addr := listen(t, func(conn net.Conn) {
				_, _ = http.ReadRequest(bufio.NewReader(conn))
				io.WriteString(conn, tt.says)
			})
			d := mustNew(t, Options{Proxy: "http://me@" + addr, Password: passwordOf(secretWord)})
			_, err := d.DialContext(t.Context(), "tcp", "pop.example.org:995")
			faultIs(t, err, tt.want, tt.text)
			if err != nil && strings.ContainsAny(err.Error(), "\x1b\r\n") || err != nil && strings.Contains(err.Error(), login) {
				t.Errorf("%q", err)
			}
		})
	}
}

// The name goes as it is, with the login; what the server says along with the proxy's answer is the connection's.
func TestConnectAsks(t *testing.T) {
	asked := make(chan *http.Request, 1)
	addr := listen(t, func(conn net.Conn) {
		r, err := http.ReadRequest(bufio.NewReader(conn))
		if err != nil {
			t.Error(err)
			return
		}
		asked <- r
		io.WriteString(conn, "HTTP/1.1 200 Connection established\r\nX: y\r\n\r\n+OK hello\r\n")
		io.Copy(conn, conn)
	})
	d := mustNew(t, Options{Proxy: "http://me@" + addr, Password: passwordOf(secretWord)})
	conn, err := d.Mail(t.Context(), "tcp", "pop.nowhere.invalid:995")
	greeted(t, conn, err)
	r := <-asked
	want := "Basic " + base64.StdEncoding.EncodeToString([]byte("me:"+secretWord))
	if r.Method != "CONNECT" || r.RequestURI != "pop.nowhere.invalid:995" || r.Host != "pop.nowhere.invalid:995" || r.Header.Get("Proxy-Authorization") != want {
		t.Errorf("%+v", r)
	}
}

// A proxy that says nothing is waited for as long as the caller wants, and no longer.
func TestProxySilent(t *testing.T) {
	for _, kind := range []string{"http://", "https://", "socks5://"} {
		heard := make(chan struct{}, 1)
		addr := listen(t, func(conn net.Conn) {
			conn.Read(make([]byte, 1))
			heard <- struct{}{}
			io.Copy(io.Discard, conn)
		})
		ctx, cancel := context.WithCancelCause(t.Context())
		go func() {
			<-heard
			cancel(os.ErrDeadlineExceeded)
		}()
		_, err := mustNew(t, Options{Proxy: kind + addr}).DialContext(ctx, "tcp", "pop.example.org:995")
		faultIs(t, err, Unreachable, "no answer in time")
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// Whatever a proxy says, it ends in a connection or in an *Error.
func FuzzConnect(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\n\r\n+OK\r\n"))
	f.Add([]byte("HTTP/1.1 407 no\r\nProxy-Authenticate: Basic\r\n\r\n"))
	f.Add([]byte("HTTP/1.1 100\n\nHTTP/1.0 503 x\n\n"))
	f.Fuzz(func(t *testing.T, says []byte) {
		p, err := parseProxy("http://me@127.0.0.1")
		if err != nil {
			t.Fatal(err)
		}
		conn, err := p.connect(t.Context(), saying(says), "pop.example.org:995", secretWord)
		judged(t, err)
		if err == nil {
			b, _ := io.ReadAll(conn)
			if !bytes.HasSuffix(says, b) {
				t.Errorf("%q is not the end of %q", b, says)
			}
		}
	})
}

func judged(t *testing.T, err error) {
	t.Helper()
	if e, ok := errors.AsType[*Error](err); err != nil && (!ok || e.Hint() == "" || strings.ContainsAny(err.Error(), "\x1b\r\n\x00") || strings.Contains(err.Error(), secretWord)) {
		t.Errorf("%T %q", err, err)
	}
}

// saying is a connection that takes everything, and on which these octets come.
func saying(b []byte) net.Conn { return &said{bytes.NewReader(b)} }

type said struct{ *bytes.Reader }

func (*said) Write(b []byte) (int, error)      { return len(b), nil }
func (*said) WriteTo(io.Writer) (int64, error) { return 0, errors.ErrUnsupported }
func (*said) Close() error                     { return nil }
func (*said) LocalAddr() net.Addr              { return nowhere{} }
func (*said) RemoteAddr() net.Addr             { return nowhere{} }
func (*said) SetDeadline(time.Time) error      { return nil }
func (*said) SetReadDeadline(time.Time) error  { return nil }
func (*said) SetWriteDeadline(time.Time) error { return nil }
