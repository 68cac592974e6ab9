package dovecot

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// session is a POP3 session by hand.
type session struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
}

func dial(t *testing.T, addr string) *session {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	return &session{t, conn, bufio.NewReader(conn)}
}

func (c *session) secure(s *Server) {
	c.conn = tls.Client(c.conn, &tls.Config{RootCAs: s.CA, ServerName: Host})
	c.r = bufio.NewReader(c.conn)
}

func (c *session) line() string {
	c.t.Helper()
	l, err := c.r.ReadString('\n')
	if err != nil {
		c.t.Fatal(err)
	}
	return strings.TrimRight(l, "\r\n")
}

// ok sends a command and fails the test unless it is answered +OK.
func (c *session) ok(command string) string {
	c.t.Helper()
	if command != "" {
		fmt.Fprintf(c.conn, "%s\r\n", command)
	}
	l := c.line()
	if !strings.HasPrefix(l, "+OK") {
		c.t.Fatalf("%q answered %q", command, l)
	}
	return l
}

func (c *session) lines(command string) (out []string) {
	c.t.Helper()
	c.ok(command)
	for {
		l := c.line()
		if l == "." {
			return out
		}
		out = append(out, l)
	}
}

func (c *session) login(user string) {
	c.t.Helper()
	c.ok("USER " + user)
	c.ok("PASS " + Password)
}

func TestThreeWaysIn(t *testing.T) {
	s := Start(t, Options{Users: 1})
	one, two := []byte("Subject: one\n\n.dot\nno end"), []byte("Subject: two\r\n\r\nx\r\n")
	s.Fill("u1", [][]byte{one, two})
	s.Fill("u1", [][]byte{one})

	for _, way := range []struct {
		name  string
		addr  string
		start func(c *session)
	}{
		{"plain", s.Plain, func(c *session) { c.ok("") }},
		{"stls", s.Plain, func(c *session) { c.ok(""); c.ok("STLS"); c.secure(s) }},
		{"tls", s.TLS, func(c *session) { c.secure(s); c.ok("") }},
	} {
		t.Run(way.name, func(t *testing.T) {
			c := dial(t, way.addr)
			way.start(c)
			c.login("u1")
			if got := c.lines("UIDL"); len(got) != 3 {
				t.Errorf("UIDL gave %q, want three messages", got)
			}
			// Sizes as received: every line end counts two, and a last line without one is sent as it is.
			if got := strings.Join(c.lines("LIST"), ","); got != "1 28,2 19,3 28" {
				t.Errorf("LIST gave %q", got)
			}
			if got := strings.Join(c.lines("RETR 2"), "|"); got != "Subject: two||x" {
				t.Errorf("second message is %q", got)
			}
			c.ok("QUIT")
		})
	}
	if log := s.Log(); strings.Contains(log, "Error") || strings.Contains(log, "Fatal") {
		t.Errorf("dovecot complains:\n%s", log)
	}
}

func TestMailbox(t *testing.T) {
	s := Start(t, Options{Users: 2})
	a, b := []byte("Subject: a\n\na\n"), []byte("Subject: b\n\nb\n")
	s.Fill("u2", [][]byte{a, b, a})
	s.AddUser("late")
	s.Fill("late", [][]byte{b})

	c := dial(t, s.Plain)
	c.ok("")
	c.login("u2")
	c.ok("DELE 1")
	c.ok("QUIT")
	if n := s.Count("u2"); n != 2 {
		t.Errorf("%d messages left, want 2", n)
	}
	if got := s.List("u2"); got[sha256.Sum256(a)] != 1 || got[sha256.Sum256(b)] != 1 || len(got) != 2 {
		t.Errorf("wrong messages left: %v", got)
	}
	if n := s.Count("u1"); n != 0 {
		t.Errorf("u1 has %d messages", n)
	}

	c = dial(t, s.Plain)
	c.ok("")
	c.login("late")
	if got := c.lines("UIDL"); len(got) != 1 {
		t.Errorf("a user added later sees %q", got)
	}

	c = dial(t, s.Plain)
	c.ok("")
	c.ok("USER u1")
	fmt.Fprintf(c.conn, "PASS wrong\r\n")
	if l := c.line(); !strings.HasPrefix(l, "-ERR") {
		t.Errorf("a wrong password was answered %q", l)
	}
}

func TestManyConnections(t *testing.T) {
	s := Start(t, Options{Users: 1})
	s.Fill("u1", [][]byte{bytes.Repeat([]byte("x\n"), 10)})
	const n = 60
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			conn, err := net.Dial("tcp", s.Plain)
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(30 * time.Second))
			fmt.Fprintf(conn, "USER u1\r\nPASS %s\r\nSTAT\r\n", Password)
			r := bufio.NewReader(conn)
			for range 4 {
				if l, err := r.ReadString('\n'); err != nil || !strings.HasPrefix(l, "+OK") {
					t.Errorf("%q, %v", l, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// The folder and the processes must be gone when the test that started them is over.
func TestNothingIsLeft(t *testing.T) {
	var s *Server
	t.Run("server", func(t *testing.T) { s = Start(t, Options{}) })
	if s == nil {
		t.Skip("no server was started")
	}
	if _, err := os.Stat(s.dir); !os.IsNotExist(err) {
		t.Errorf("folder %s is still there: %v", s.dir, err)
	}
	for _, addr := range []string{s.Plain, s.TLS} {
		if conn, err := net.Dial("tcp", addr); err == nil {
			conn.Close()
			t.Errorf("%s is still served", addr)
		}
	}
}

func TestLMTP(t *testing.T) {
	s := Start(t, Options{Users: 1, LMTP: true})
	conn, err := net.Dial("unix", s.LMTP)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	c := &session{t, conn, bufio.NewReader(conn)}
	fmt.Fprintf(conn, "LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<u1@example.org>\r\nRCPT TO:<nobody@example.org>\r\nDATA\r\n")
	for l := c.line(); !strings.HasPrefix(l, "354 "); l = c.line() {
		if l[0] == '5' && !strings.Contains(l, "<nobody@example.org>") {
			t.Errorf("answered %q", l)
		}
	}
	fmt.Fprintf(conn, "Subject: x\r\n\r\nx\r\n.\r\n")
	if l := c.line(); !strings.HasPrefix(l, "250 ") {
		t.Errorf("answered %q", l)
	}
	if n := s.Count("u1"); n != 1 {
		t.Errorf("%d messages", n)
	}
}
