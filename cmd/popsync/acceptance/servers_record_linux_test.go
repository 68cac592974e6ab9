package acceptance_test

import (
	"bytes"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// recorder passes connections on to a server and keeps what is said, in its order.
type recorder struct {
	addr  *net.TCPAddr
	mu    sync.Mutex
	hold  time.Duration // so long an answer is kept back at its beginning: whatever does not wait for it comes meanwhile
	calls [][]spoken    // one for each connection
	busy  sync.WaitGroup
}

type spoken struct {
	server bool
	text   []byte
}

// exchange is a command with its reply.
type exchange struct {
	verb    string // in capitals
	command string
	waited  bool   // nothing was unanswered when it was sent: a round trip begins
	status  string // first line of the reply
	body    []byte // the rest of it, dots undone
}

// setHold has what the server says held back for a while, so that what was sent ahead is seen to be.
func (r *recorder) setHold(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hold = d
}

func overhear(t *testing.T, target string) *recorder {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{addr: l.Addr().(*net.TCPAddr)}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			r.mu.Lock()
			n, hold := len(r.calls), r.hold
			r.calls = append(r.calls, nil)
			r.busy.Add(1)
			r.mu.Unlock()
			wg.Go(func() {
				defer r.busy.Done()
				defer client.Close()
				server, err := net.Dial("tcp", target)
				if err != nil {
					return
				}
				defer server.Close()
				var both sync.WaitGroup
				both.Go(func() { r.pass(n, client, server, false, 0) })
				both.Go(func() { r.pass(n, server, client, true, hold) })
				both.Wait()
			})
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return r
}

// pass copies one direction. A word is noted before it is passed on, so nothing that answers it is noted before.
func (r *recorder) pass(n int, from, to net.Conn, server bool, hold time.Duration) {
	buf := make([]byte, 64<<10)
	for {
		got, err := from.Read(buf)
		if got > 0 {
			r.mu.Lock()
			if c := r.calls[n]; hold > 0 && len(c) > 0 && !c[len(c)-1].server {
				r.mu.Unlock()
				time.Sleep(hold)
				r.mu.Lock()
			}
			r.calls[n] = append(r.calls[n], spoken{server, bytes.Clone(buf[:got])})
			r.mu.Unlock()
			_, werr := to.Write(buf[:got])
			if err == nil {
				err = werr
			}
		}
		if err != nil {
			_ = to.(*net.TCPConn).CloseWrite()
			return
		}
	}
}

// sessions returns what was said since it was called last; the client is gone.
func (r *recorder) sessions() (all [][]exchange, err error) {
	r.busy.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.calls {
		s, err := exchanges(c)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	r.calls = nil
	return all, nil
}

// exchanges puts each command and its reply together.
func exchanges(call []spoken) (all []exchange, err error) {
	var client, server []byte
	greeted, answered := false, 0
	for _, s := range call {
		if !s.server {
			client = append(client, s.text...)
			for {
				line, rest, ok := bytes.Cut(client, []byte("\r\n"))
				if !ok {
					break
				}
				client = rest
				verb, _, _ := strings.Cut(strings.ToUpper(string(line)), " ")
				all = append(all, exchange{verb: verb, command: string(line), waited: answered == len(all)})
			}
			continue
		}
		server = append(server, s.text...)
		for {
			status, rest, ok := bytes.Cut(server, []byte("\r\n"))
			if !ok {
				break
			}
			if !greeted {
				greeted, server = true, rest
				continue
			}
			if answered == len(all) {
				return all, fmt.Errorf("said unasked: %q", status)
			}
			e := &all[answered]
			if e.lines() && bytes.HasPrefix(status, []byte("+OK")) {
				end := bytes.Index(server, []byte("\r\n.\r\n"))
				if end < 0 {
					break
				}
				body := server[len(status) : end+2] // from the end of the line before
				e.body = bytes.ReplaceAll(body, []byte("\r\n."), []byte("\r\n"))[2:]
				rest = server[end+5:]
			}
			e.status, server = string(status), rest
			answered++
		}
	}
	if len(server)+len(client) > 0 || answered < len(all) {
		return all, fmt.Errorf("%d commands, %d answered; left: %.80q, %.80q", len(all), answered, client, server)
	}
	return all, nil
}

// lines tells whether the reply has more than one line.
func (e *exchange) lines() bool {
	switch e.verb {
	case "RETR", "TOP", "CAPA":
		return true
	case "LIST", "UIDL":
		return e.verb == e.command
	}
	return false
}

// trips counts the times that the client waited with nothing to say.
func trips(session []exchange) (n int) {
	for _, e := range session {
		if e.waited {
			n++
		}
	}
	return n
}

func count(session []exchange, verb string, arguments bool) (n int) {
	for _, e := range session {
		if e.verb == verb && (e.command != verb) == arguments {
			n++
		}
	}
	return n
}
