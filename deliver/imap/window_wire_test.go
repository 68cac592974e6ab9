package imap

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/popsync/popsync/deliver/imap/imaptest"
)

// pipes is a listener whose connections keep nothing: a write waits until all of it is read.
type pipes struct{ conns chan net.Conn }

func (p pipes) Accept() (net.Conn, error) {
	c, ok := <-p.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (p pipes) Close() error   { return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

// piped is a world on a server in memory; theirs makes something of the server's end of a connection.
func piped(t *testing.T, o imaptest.Options, theirs func(net.Conn) net.Conn) (w *world, end func()) {
	l := pipes{make(chan net.Conn)}
	server := imaptest.New(o)
	go server.Serve(l)
	w = &world{TB: t, server: server, addr: "127.0.0.1:143", copies: t.TempDir() + "/copies"}
	w.set = func(o *Options) {
		o.Dial = func(context.Context, string, string) (net.Conn, error) {
			a, b := net.Pipe()
			l.conns <- theirs(b)
			return a, nil
		}
	}
	return w, func() { close(l.conns) }
}

// A server that answers before it reads on, over a connection that keeps nothing, does not wait for us while we wait for it.
func TestWindowReadsWhileItWrites(t *testing.T) {
	for _, caps := range []string{"IMAP4rev1 UIDPLUS LITERAL+", "IMAP4rev1 UIDPLUS", "IMAP4rev1 LITERAL-"} {
		synctest.Test(t, func(t *testing.T) {
			w, end := piped(t, imaptest.Options{Caps: caps}, func(c net.Conn) net.Conn { return c })
			s := w.open(false)
			w.must(w.send(s, "first", ordinary(0), false))
			texts := several(1, 30)
			texts[3] += strings.Repeat(strings.Repeat("z", 70)+"\r\n", 3000)
			for i, err := range w.batch(s, texts, false) {
				if err != nil {
					t.Errorf("%s: %d: %v", caps, i, err)
				}
			}
			w.once(caps, append(texts, ordinary(0))...)
			s.Close()
			end()
		})
	}
}

// As many messages are on their way as in_flight says, and no more octets than fit into the window, but for the last message. Where
// literals have to be asked for, the next command goes right behind a message: its answer and the word to go on come together.
func TestWindowBounds(t *testing.T) {
	for _, tt := range []struct {
		name     string
		inFlight int
		octets   int
		messages int
		caps     string
		most     int
	}{
		{"three in flight", 3, 400, 10, "IMAP4rev1 UIDPLUS LITERAL+", 3},
		{"one in flight", 1, 400, 5, "IMAP4rev1 UIDPLUS LITERAL+", 1},
		{"octets alone", 0, 300 << 10, 12, "IMAP4rev1 UIDPLUS LITERAL+", 4},
		{"small ones, by octets alone", 0, 400, 50, "IMAP4rev1 UIDPLUS LITERAL-", 50},
		{"asked first", 0, 400, 10, "IMAP4rev1 UIDPLUS", 2},
		{"asked first, for they are large", 0, 6000, 10, "IMAP4rev1 UIDPLUS LITERAL-", 2},
		{"asked first, one in flight", 1, 400, 10, "IMAP4rev1 UIDPLUS", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var conn *pumped
				most, least := 0, tt.messages
				w, end := piped(t, imaptest.Options{Caps: tt.caps, After: func(n int, _ string) string {
					synctest.Wait() // for all that is sent without an answer
					if n > 1 {
						most = max(most, conn.begun()-(n-1))
					}
					if n > 1 && n < tt.messages {
						least = min(least, conn.begun()-(n-1))
					}
					return ""
				}}, func(c net.Conn) net.Conn {
					conn = pump(c)
					return conn
				})
				base := w.set
				w.set = func(o *Options) { base(o); o.InFlight = tt.inFlight }
				s := w.open(false)
				w.must(w.send(s, "first", ordinary(0), false))
				var texts []string
				for i := range tt.messages {
					texts = append(texts, fmt.Sprintf("%s%0*d\r\n", ordinary(i+1), tt.octets-300, 0))
				}
				for i, err := range w.batch(s, texts, false) {
					if err != nil {
						t.Errorf("%d: %v", i, err)
					}
				}
				if most != tt.most || least < min(tt.most, 2) {
					t.Errorf("%d to %d were on their way, want up to %d", least, most, tt.most)
				}
				s.Close()
				end()
			})
		})
	}
}

// pumped is a connection of which is read ahead whatever comes.
type pumped struct {
	net.Conn
	mu      sync.Mutex
	changed sync.Cond
	buf     bytes.Buffer
	appends int
	err     error
}

func pump(c net.Conn) *pumped {
	p := &pumped{Conn: c}
	p.changed.L = &p.mu
	go func() {
		b := make([]byte, 1<<20)
		for {
			n, err := c.Read(b)
			p.mu.Lock()
			p.buf.Write(b[:n])
			p.appends += bytes.Count(b[:n], []byte(" APPEND "))
			p.err = err
			p.changed.Broadcast()
			p.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return p
}

func (p *pumped) Read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.buf.Len() == 0 && p.err == nil {
		p.changed.Wait()
	}
	if p.buf.Len() > 0 {
		return p.buf.Read(b)
	}
	return 0, p.err
}

// begun is how many APPENDs came.
func (p *pumped) begun() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.appends
}
