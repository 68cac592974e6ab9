package smtp

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/pop3/pop3test/fault"
)

// turn is one exchange with a scripted server: it wants exactly these octets, and then sends these.
type turn struct{ want, send string }

// script is what a server does on one connection. After the last turn it answers QUIT and nothing else, until the
// client closes; or it closes itself, when the last turn is hangUp.
type script []turn

var (
	hangUp = turn{want: "hang up"}
	secure = turn{want: "secure"} // TLS starts, with the rig's configuration
	deaf   = turn{want: "deaf"}   // reads nothing more, and waits until rig.hear is closed
	silent = turn{want: "silent"} // reads and answers nothing, until the client closes
)

// rig plays scripts, one for each connection, in order.
type rig struct {
	t       *testing.T
	mu      sync.Mutex
	scripts []script
	dials   int
	rest    []string // what each client sent after its script, but for QUIT
	wg      sync.WaitGroup
	tls     *tls.Config
	hear    chan struct{}
	wrap    func(net.Conn) net.Conn // the client's side
}

func newRig(t *testing.T, scripts ...script) *rig {
	return &rig{t: t, scripts: scripts, rest: make([]string, len(scripts))}
}

func (r *rig) dial(context.Context, string, string) (net.Conn, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.dials == len(r.scripts) {
		r.t.Error("one connection too many")
		return nil, errors.New("no script is left")
	}
	n := r.dials
	r.dials++
	client, server := net.Pipe()
	if r.tls != nil { // an alert must not wait for a peer that is writing itself
		client, server = fault.Pipe()
	}
	r.wg.Go(func() {
		defer server.Close()
		if err := r.play(server, r.scripts[n], &r.rest[n]); err != nil {
			r.t.Errorf("connection %d: %v", n+1, err)
		}
	})
	if r.wrap != nil {
		return r.wrap(client), nil
	}
	return client, nil
}

func (r *rig) play(conn net.Conn, s script, rest *string) error {
	in := bufio.NewReaderSize(conn, 1<<20)
	for i, turn := range s {
		switch turn {
		case hangUp:
			return nil
		case deaf:
			<-r.hear
			return nil
		case secure:
			conn = tls.Server(conn, r.tls)
			in = bufio.NewReaderSize(conn, 1<<20)
			continue
		case silent:
			b, _ := io.ReadAll(in)
			*rest = string(b)
			return nil
		}
		got := make([]byte, len(turn.want))
		n, err := io.ReadFull(in, got)
		if string(got[:n]) != turn.want || err != nil && turn.want != "" {
			return fmt.Errorf("turn %d: got %q, want %q, %v", i+1, got[:n], turn.want, err)
		}
		if _, err := io.WriteString(conn, turn.send); errors.Is(err, io.ErrClosedPipe) && i >= len(s)-2 {
			return nil // it had enough
		} else if err != nil {
			return fmt.Errorf("turn %d: sending %.100q: %w", i+1, turn.send, err)
		}
	}
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			*rest += line
			return nil
		}
		if line == "QUIT\r\n" {
			_, _ = io.WriteString(conn, "221 bye\r\n")
			continue
		}
		*rest += line
	}
}

// end closes the sender and wants every script played, and nothing said beyond them.
func (r *rig) end(s *Sender) {
	r.t.Helper()
	if err := s.Close(); err != nil {
		r.t.Error(err)
	}
	r.wg.Wait()
	if r.dials != len(r.scripts) {
		r.t.Errorf("%d connections, want %d", r.dials, len(r.scripts))
	}
	for i, rest := range r.rest {
		if rest != "" {
			r.t.Errorf("connection %d: also sent %q", i+1, rest)
		}
	}
}

// options are the plainest that work, with a rig behind.
func (r *rig) options() Options {
	return Options{Address: "mx.example.org:25", TLS: NoTLS, Helo: "me.example", From: "a@b.example",
		To: []string{"x@y.example"}, Dial: r.dial}
}

func (r *rig) sender(change func(*Options)) *Sender {
	r.t.Helper()
	o := r.options()
	if change != nil {
		change(&o)
	}
	s, err := New(o)
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

// hello is the start of a session, with what the server offers.
func hello(keywords ...string) script { return helloAs("EHLO", keywords...) }

func helloAs(verb string, keywords ...string) script {
	lines := append([]string{"mx.example.org"}, keywords...)
	return script{{"", "220 mx ready\r\n"}, {verb + " me.example\r\n", multi(250, lines...)}}
}

// multi makes a reply of several lines.
func multi(code int, lines ...string) string {
	var b strings.Builder
	for i, line := range lines {
		sep := "-"
		if i == len(lines)-1 {
			sep = " "
		}
		fmt.Fprintf(&b, "%d%s%s\r\n", code, sep, line)
	}
	return b.String()
}

func (s script) and(turns ...turn) script { return append(s[:len(s):len(s)], turns...) }

func join(lines ...string) string { return strings.Join(lines, "\r\n") + "\r\n" }

// Turns of the plainest transaction, without any extension.
var (
	mailCmd = turn{"MAIL FROM:<a@b.example>\r\n", "250 ok\r\n"}
	rcpt    = turn{"RCPT TO:<x@y.example>\r\n", "250 ok\r\n"}
	data    = turn{"DATA\r\n", "354 go\r\n"}
	text    = turn{"Subject: s\r\n\r\nbody\r\n.\r\n", "250 queued\r\n"}
	rset    = turn{"RSET\r\n", "250 ok\r\n"}
)

const letter = "Subject: s\r\n\r\nbody\r\n"

func outgoing(id, body string) deliver.Outgoing {
	return deliver.Outgoing{Message: deliver.Message{Account: "work"}, ID: id, Body: strings.NewReader(body), Octets: int64(len(body))}
}

// facts are the flags of a deliver.Error in short.
func flags(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return "ok"
	}
	var e *deliver.Error
	if !errors.As(err, &e) {
		return err.Error()
	}
	s := "message"
	if e.Scope == deliver.WholeTarget {
		s = "target"
	}
	for _, f := range []struct {
		is   bool
		name string
	}{{e.Permanent, "permanent"}, {e.Uncertain, "uncertain"}, {e.Full, "full"}, {e.Envelope, "envelope"}, {e.Vouched, "vouched"}, {e.Rest != "", "rest"}} {
		if f.is {
			s += " " + f.name
		}
	}
	if len(e.Rest) > 128 || strings.ContainsAny(e.Rest, " .") || !printableOnly(e.Rest) {
		t.Errorf("not a legal rest: %q", e.Rest)
	}
	if !printableOnly(err.Error()) || len(err.Error()) > 2000 {
		t.Errorf("not a printable error: %q", err)
	}
	return s
}

func printableOnly(s string) bool {
	return bytes.IndexFunc([]byte(s), func(r rune) bool { return r < ' ' || r > '~' }) < 0
}

// wants compares what an error says in short, and looks for words in its text.
func wants(t *testing.T, err error, short string, words ...string) {
	t.Helper()
	if got := flags(t, err); got != short {
		t.Errorf("got %q (%v), want %q", got, err, short)
	}
	for _, w := range words {
		if err != nil && !strings.Contains(err.Error(), w) {
			t.Errorf("%q lacks %q", err, w)
		}
	}
}
