//go:build bench

package ratio

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/popsync/popsync/bench/mailgen"
)

// sink is a mail server that takes everything and remembers its sums. It answers at once and syncs nothing: what a
// client costs is what shows.
type sink struct {
	l  net.Listener
	mu sync.Mutex
	by sums
	n  int
}

func newSink() (*sink, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &sink{l: l, by: sums{}}
	go func() {
		for {
			c, err := l.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				go s.serve(c)
			}
		}
	}()
	return s, nil
}

func (s *sink) serve(c net.Conn) {
	defer c.Close()
	r, w := bufio.NewReaderSize(c, 64<<10), bufio.NewWriter(c)
	say := func(text string) {
		w.WriteString(text + "\r\n")
		if r.Buffered() == 0 {
			w.Flush()
		}
	}
	say("220 sink ESMTP")
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		switch verb := strings.ToUpper(line[:min(4, len(line))]); verb {
		case "EHLO":
			say("250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 0")
		case "DATA":
			say("354 go on")
			w.Flush()
			if !s.take(r) {
				return
			}
			say("250 taken")
		case "QUIT":
			say("221 bye")
			w.Flush()
			return
		default:
			say("250 ok")
		}
	}
}

// take reads a message; lines end in CRLF.
func (s *sink) take(r *bufio.Reader) bool {
	var m []byte
	for {
		line, err := r.ReadSlice('\n')
		if err != nil && err != bufio.ErrBufferFull {
			return false
		}
		atStart := len(m) == 0 || bytes.HasSuffix(m, []byte("\r\n"))
		if atStart && string(line) == ".\r\n" {
			break
		}
		if atStart && line[0] == '.' {
			line = line[1:]
		}
		m = append(m, line...)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n++
	s.by[sha256.Sum256(withoutTrace(m))]++
	return true
}

// withoutTrace takes off the Received lines that a relay puts on top; the mail of the bench begins with Return-Path.
func withoutTrace(m []byte) []byte {
	if i := bytes.Index(m, []byte("Return-Path: ")); i > 0 {
		return m[i:]
	}
	return m
}

// scenarioG: mail that goes on to a mail server.
func (b *bench) scenarioG() {
	d := b.server(100)
	for _, g := range []struct {
		n           int
		rt          time.Duration
		connections []int
		few         map[string]int
	}{
		{2_000, 0, []int{0}, map[string]int{"mpop": 10, "fetchmail": 10}},
		{400, 50 * time.Millisecond, []int{0, 4}, map[string]int{"mpop": 10, "fdm": 10, "fetchmail": 10}},
	} {
		messages := mailgen.Messages(8, b.size(g.n), 2000, 8000)
		for _, connections := range g.connections {
			peers := []string{"fdm", "fetchmail", "mpop"}
			title := fmt.Sprintf("G: %d messages to a mail server %v away, default settings", len(messages), g.rt)
			if connections > 0 {
				peers, title = nil, fmt.Sprintf("G: %d messages to a mail server %v away, connections = %d", len(messages), g.rt, connections)
			}
			var all []entrant
			for _, e := range b.entrants(peers, g.few) {
				if e.program.name != "floor" { // it has no relay
					all = append(all, e)
				}
			}
			if g.rt > 0 {
				all = atMost(3, all)
			}
			tab := b.race(title, all, func(e entrant, counted bool) (outcome, int) {
				return b.relay(d.Plain, d, e, messages, g.rt, connections, counted)
			})
			ours := tab.of("popsync").wall
			switch {
			case g.rt == 0:
				q := tab.ratio("fdm")
				b.page.goal(b.t, "G, 0 ms", "as fast as fdm", fmt.Sprintf("%s, %.2f of fdm's time", short(ours), q), q <= 1)
			case connections == 4:
				b.page.goal(b.t, "G, 50 ms, 4 connections", "5 s", short(ours), ours <= 5500*time.Millisecond)
			default:
				b.page.goal(b.t, "G, 50 ms, default (one connection)", "a round trip for each message", short(ours),
					ours <= time.Duration(len(messages))*g.rt*11/10+time.Second)
			}
		}
	}
}

func (b *bench) relay(addr string, d filler, e entrant, messages [][]byte, rt time.Duration, connections int, counted bool) (outcome, int) {
	b.t.Helper()
	if e.few > 1 {
		messages = messages[:len(messages)/e.few]
	}
	s, err := newSink()
	b.must(err)
	defer s.l.Close()
	user := b.next()
	d.Fill(user, messages)
	h := b.home()
	o := h.run(e.program, e.setup(h, task{addr: addr, users: []string{user}, del: true, relay: b.far(s.l.Addr().String(), rt, 0),
		connections: connections}), patience, counted)
	want := sums{}
	for _, m := range messages {
		want[sha256.Sum256(mailgen.Wire(withoutTrace(m)))]++
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := e.program
	p.ours = false // a relay may put its own lines on top
	h.compare(p, &o, s.by, want)
	if e.ours && o.note != "" {
		b.t.Fatalf("%s: %s", e.program.name, o)
	}
	return o, len(messages)
}

// filler is what is needed of a Dovecot.
type filler interface {
	Fill(user string, messages [][]byte)
}
