package imap

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/imap/imaptest"
)

// world is a server, and a folder of copies whose record outlives Senders.
type world struct {
	testing.TB
	server *imaptest.Server
	addr   string
	copies string
	set    func(o *Options) // changes each Sender's options

	shown func(text string) string // takes off what a real server adds to messages; nil: it adds nothing
	seeds bool                     // its UIDVALIDITY lasts only where there is a message: each folder gets one first
}

func newWorld(t testing.TB, o imaptest.Options) *world {
	s := imaptest.Start(t, o)
	return &world{TB: t, server: s, addr: s.Addr, copies: filepath.Join(t.TempDir(), "copies")}
}

func (w *world) open(doubts bool) *Sender {
	w.Helper()
	o := Options{
		Address: w.addr, TLS: NoTLS, AllowPlain: true, Username: imaptest.User,
		Password: func(context.Context) (string, error) { return imaptest.Password, nil },
		Timeouts: Timeouts{Reply: 20 * time.Second}, calm: time.Microsecond,
	}
	if w.set != nil {
		w.set(&o)
	}
	s, err := New(o)
	if err != nil {
		w.Fatal(err)
	}
	s.Hold(doubts)
	w.Cleanup(func() { s.Close() })
	return s
}

func (w *world) outgoing(id, text string, again bool) deliver.Outgoing {
	return deliver.Outgoing{
		Message: deliver.Message{Account: "work", UID: id}, ID: id, Folder: w.copies,
		Body: strings.NewReader(text), Octets: int64(len(text)), Again: again,
	}
}

func (w *world) send(s *Sender, id, text string, again bool) error {
	return s.Send(context.Background(), w.outgoing(id, text, again))
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// has makes sure of what is in the INBOX.
func (w *world) has(when string, texts ...string) {
	w.Helper()
	var got []string
	for _, m := range w.server.Messages("INBOX") {
		got = append(got, m.Text)
	}
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", texts) {
		w.Errorf("%s: the mailbox has %q, want %q", when, got, texts)
	}
}

// fault is the *deliver.Error that an error must be.
func (w *world) fault(err error) *deliver.Error {
	w.Helper()
	var e *deliver.Error
	if !errors.As(err, &e) {
		w.Fatalf("Send gave %v, want a *deliver.Error", err)
	}
	return e
}

// ordinary is a message as most are.
func ordinary(n int) string {
	return fmt.Sprintf("Received: from a.example by b.example with ESMTP id x%[1]d; Sat, 28 Nov 2026 10:00:%02[1]d +0100\r\n"+
		"Message-ID: <%[1]d@a.example>\r\nDate: Sat, 28 Nov 2026 09:59:00 +0000\r\nFrom: a@a.example\r\nSubject: number %[1]d\r\n\r\nThe text of %[1]d.\r\n", n)
}

// cutter is a connection that breaks in the midst of an APPEND.
type cutter struct {
	net.Conn
	mu      sync.Mutex
	written int // octets since the APPEND began
	skip    int // APPENDs that get through whole, with their answers
	begun   bool
	most    int  // octets of the APPENDs after those that get through
	silent  bool // our side does not notice that the rest was lost
	lost    bool
	answer  int // octets of the answer that get through
}

func (c *cutter) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lost {
		if c.silent {
			return len(p), nil
		}
		return 0, errors.New("cut")
	}
	if !c.begun {
		if i := bytes.Index(p, []byte(" APPEND ")); i < 0 {
			return c.Conn.Write(p)
		}
		if c.skip--; c.skip >= 0 {
			return c.Conn.Write(p)
		}
		c.begun = true
	}
	room := min(len(p), c.most-c.written)
	n, err := c.Conn.Write(p[:room])
	c.written += n
	if err == nil && c.written >= c.most {
		c.lost = true
		if t, ok := c.Conn.(*net.TCPConn); ok {
			t.CloseWrite()
		}
		if room < len(p) && !c.silent {
			return n, errors.New("cut")
		}
		return len(p), nil
	}
	return n, err
}

func (c *cutter) Read(p []byte) (int, error) {
	c.mu.Lock()
	lost := c.lost
	c.mu.Unlock()
	n, err := c.Conn.Read(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	if lost = lost || c.lost; lost {
		n = min(n, c.answer)
		if c.answer -= n; n == 0 {
			// The server has seen the end, and has done all that it will do, when it hangs up.
			buf := make([]byte, 4096)
			for {
				if _, err := c.Conn.Read(buf); err != nil {
					return 0, errors.New("cut")
				}
			}
		}
	}
	return n, err
}

// cutting makes the first connection break in its first APPEND.
func cutting(most, answer int, silent bool) func(o *Options) {
	return cuttingLater(0, most, answer, silent)
}

// cuttingLater makes the first connection break, after so many APPENDs that get through.
func cuttingLater(skip, most, answer int, silent bool) func(o *Options) {
	var once sync.Once
	return func(o *Options) {
		o.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, address)
			if err == nil {
				once.Do(func() { conn = &cutter{Conn: conn, skip: skip, most: most, answer: answer, silent: silent} })
			}
			return conn, err
		}
	}
}
