package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/popsync/popsync/internal/console"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/pop3/pop3test"
)

// desk is a person's home with a configuration, for check.
type desk struct {
	*station
	conf strings.Builder
}

func newDesk(t *testing.T, top string) *desk {
	d := &desk{station: newStation(t)}
	fmt.Fprintf(&d.conf, "state_dir = %q\n%s\n", d.state, top)
	return d
}

// account adds one at an address, with a Maildir that is not there yet; more are further lines of its table.
func (d *desk) account(name, addr string, more ...string) {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		d.t.Fatal(err)
	}
	if !strings.Contains(strings.Join(more, "\n"), "password") {
		more = append(more, `password = "p"`)
	}
	fmt.Fprintf(&d.conf, "[account.%s]\nhost = \"127.0.0.1\"\nport = %s\ntls = \"none\"\nusername = %q\nalarm = false\n%s\n", name, port, "u", strings.Join(more, "\n"))
	fmt.Fprintf(&d.conf, "[[account.%s.deliver]]\ntype = \"maildir\"\npath = %q\n", name, filepath.Join(filepath.Dir(d.state), name))
}

func (d *desk) deliver(account string, lines ...string) {
	fmt.Fprintf(&d.conf, "[[account.%s.deliver]]\n%s\n", account, strings.Join(lines, "\n"))
}

// check runs it until its end, or that of ctx.
func (d *desk) check(ctx context.Context, args ...string) (code int, out string) {
	d.t.Helper()
	if err := os.WriteFile(d.file, []byte(d.conf.String()), 0o600); err != nil {
		d.t.Fatal(err)
	}
	in, err := os.Open(os.DevNull)
	if err != nil {
		d.t.Fatal(err)
	}
	defer in.Close()
	var o, e bytes.Buffer
	code = execute(ctx, append([]string{"check"}, args...), &console.Console{In: in, Out: &o, Err: &e})
	return code, o.String() + e.String()
}

// mailbox is a server that works, with the user u and one message.
func mailbox(t *testing.T) string {
	s := pop3test.NewServer(pop3test.Options{})
	t.Cleanup(s.Close)
	s.AddUser("u", "p", pop3test.Message{UID: "1", Data: []byte("Subject: x\r\n\r\n")})
	addr, err := s.Listen()
	if err != nil {
		t.Fatal(err)
	}
	return addr.String()
}

// hall is a server that keeps all waiting until so many have come, and then hangs up. 0: it never does; negative: after a
// command.
type hall struct {
	addr string

	mu      sync.Mutex
	came    int // so far
	here    int // now
	most    int // at once
	enough  int
	first   chan struct{} // closed when one has come
	filled  chan struct{}
	greeted string
}

func newHall(t *testing.T, enough int, greeting string) *hall {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	h := &hall{addr: l.Addr().String(), enough: enough, first: make(chan struct{}), filled: make(chan struct{}), greeted: greeting}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go h.serve(conn)
		}
	}()
	return h
}

// counts are how many have come, and how many were there at once.
func (h *hall) counts() (came, most int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.came, h.most
}

func (h *hall) serve(conn net.Conn) {
	defer conn.Close()
	h.mu.Lock()
	h.came, h.here = h.came+1, h.here+1
	h.most = max(h.most, h.here)
	if h.came == 1 {
		close(h.first)
	}
	if h.came == h.enough {
		close(h.filled)
	}
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		h.here--
		h.mu.Unlock()
	}()
	_, _ = io.WriteString(conn, h.greeted)
	switch {
	case h.enough > 0:
		<-h.filled
		return
	case h.enough < 0:
		_, _ = conn.Read(make([]byte, 100)) // one command
		return
	}
	_, _ = io.Copy(io.Discard, conn) // until the client has enough
}

// Fifty accounts, five of them at a server that answers nobody until all five have come: side by side they do, and the others do
// not wait. The table has a row for each, and the last line names the five.
func TestCheckSideBySide(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	d := newDesk(t, "")
	good, dead := mailbox(t), newHall(t, 5, "")
	var bad []string
	for i := range 50 {
		name := fmt.Sprintf("a%02d", i)
		if i%10 == 3 {
			bad = append(bad, name+" (temporary)")
			d.account(name, dead.addr)
			continue
		}
		d.account(name, good)
	}
	code, out := d.check(ctx)
	if code != exit.Temp || ctx.Err() != nil {
		t.Fatalf("exit code %d, %v\n%s", code, ctx.Err(), out)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if want := "5 of 50 accounts failed: " + strings.Join(bad, ", "); lines[len(lines)-1] != want {
		t.Errorf("the last line is %q, want %q", lines[len(lines)-1], want)
	}
	if n := strings.Count(out, "\nFAIL  a"); n != 5 {
		t.Errorf("%d lines of failures:\n%s", n, out)
	}
	rows := 0
	for _, l := range lines {
		if strings.HasPrefix(l, "a") {
			if rows++; !strings.HasPrefix(l, fmt.Sprintf("a%02d", rows-1)) {
				t.Errorf("row %d is %q", rows, l)
			}
		}
		if strings.HasPrefix(l, "ok    a") || strings.HasPrefix(l, "info  a") {
			t.Errorf("not folded: %s", l)
		}
		if len(l) > 80 && !strings.Contains(l, "TestCheck") && !strings.HasPrefix(l, "5 of 50") && !strings.HasPrefix(l, "note") && !strings.HasPrefix(l, " ") {
			t.Errorf("wider than 80: %s", l)
		}
	}
	if rows != 50 {
		t.Errorf("%d rows in the table", rows)
	}
}

// No more connections than per_host to one host at a time, nor than parallel.
func TestCheckIsBounded(t *testing.T) {
	for _, top := range []string{"per_host = 2", "parallel = 2"} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		d := newDesk(t, top+"\n[limits]\nreply = \"200ms\"")
		h := newHall(t, 0, "")
		for i := range 8 {
			d.account(fmt.Sprintf("a%d", i), h.addr)
		}
		if code, out := d.check(ctx); code != exit.Temp {
			t.Errorf("exit code %d\n%s", code, out)
		}
		cancel()
		if came, most := h.counts(); most > 5 || came < 8 { // each is looked at twice, and the server may notice the end of one after the beginning of the next
			t.Errorf("%s: %d connections, %d at once", top, came, most)
		}
	}
}

// Whatever it waits for, a stop ends it at once: with what was found, exit code 75, and nothing said to have failed.
func TestCheckStops(t *testing.T) {
	stalls := func(t *testing.T, verb string) (string, <-chan struct{}) {
		waiting := make(chan struct{})
		var once sync.Once
		var s *pop3test.Server
		s = pop3test.NewServer(pop3test.Options{NoAUTH: true, OnCommand: func(_ *pop3test.Session, v, _ string) *pop3test.Reply {
			if v == verb {
				once.Do(func() { close(waiting) })
				<-s.Done()
			}
			return nil
		}})
		t.Cleanup(s.Close)
		s.AddUser("u", "p")
		addr, err := s.Listen()
		if err != nil {
			t.Fatal(err)
		}
		return addr.String(), waiting
	}
	silence := func(t *testing.T, greeting string) (string, <-chan struct{}) {
		h := newHall(t, 0, greeting)
		return h.addr, h.first
	}
	for _, tt := range []struct {
		name string
		hang func(t *testing.T, d *desk, good string) <-chan struct{}
		seen string
	}{
		{"greeting", func(t *testing.T, d *desk, _ string) <-chan struct{} {
			addr, came := silence(t, "")
			d.account("b", addr)
			return came
		}, "b: maildir"},
		{"login", func(t *testing.T, d *desk, _ string) <-chan struct{} {
			addr, came := stalls(t, "PASS")
			d.account("b", addr)
			return came
		}, "b: connected to"},
		{"listing", func(t *testing.T, d *desk, _ string) <-chan struct{} {
			addr, came := stalls(t, "UIDL")
			d.account("b", addr)
			return came
		}, "b: connected to"},
		{"TLS handshake", func(t *testing.T, d *desk, _ string) <-chan struct{} {
			addr, came := silence(t, "")
			d.account("b", addr)
			conf := strings.Replace(d.conf.String(), "tls = \"none\"\nusername = \"u\"\nalarm = false\npassword = \"p\"\n[[account.b", "username = \"u\"\nalarm = false\npassword = \"p\"\n[[account.b", 1)
			d.conf.Reset()
			d.conf.WriteString(conf)
			return came
		}, "b: maildir"},
		{"mail server", func(t *testing.T, d *desk, good string) <-chan struct{} {
			addr, came := silence(t, "220 hello\r\n")
			d.account("b", good)
			d.deliver("b", `type = "smtp"`, fmt.Sprintf("address = %q", addr), `tls = "none"`, `to = ["me@example.org"]`)
			return came
		}, "b: maildir"},
		{"password", func(t *testing.T, d *desk, good string) <-chan struct{} {
			pipe := filepath.Join(filepath.Dir(d.state), "pipe")
			if err := syscall.Mkfifo(pipe, 0o600); err != nil {
				t.Fatal(err)
			}
			d.account("b", good, fmt.Sprintf("password_command = [\"/bin/sh\", \"-c\", \"echo >%s; sleep 60\"]", pipe))
			came := make(chan struct{})
			go func() {
				defer close(came)
				_, _ = os.ReadFile(pipe) // until the program has written
			}()
			return came
		}, "b: connected to"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			d := newDesk(t, "parallel = 1")
			good := mailbox(t)
			d.account("a", good)
			came := tt.hang(t, d, good)
			d.account("c", good)
			d.account("d", good)
			var stopped time.Time
			go func() {
				<-came
				stopped = time.Now()
				cancel()
			}()
			code, out := d.check(ctx, "--verbose")
			took := time.Since(stopped)
			if code != exit.Temp {
				t.Errorf("exit code %d", code)
			}
			if took > console.Patience {
				t.Errorf("it took %v, more than %v", took, console.Patience)
			}
			has(t, out, "ok    a: 1 message\n", tt.seen, "\ninfo  b: stopped; the rest was not looked at\n", "\nstopped; 2 accounts not looked at, 1 only in part\n")
			for _, not := range []string{"FAIL", "delivered", "c: "} {
				if strings.Contains(out, not) {
					t.Errorf("%q is in\n%s", not, out)
				}
			}
		})
	}
}

// A test alarm to a webhook is one, and what the receiver answers is told.
func TestCheckAlarmByWebhook(t *testing.T) {
	var mu sync.Mutex
	var got []map[string]any
	answer := http.StatusNoContent
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		var n map[string]any
		if err := json.NewDecoder(r.Body).Decode(&n); err != nil {
			t.Error(err)
		}
		got = append(got, n)
		w.WriteHeader(answer)
	}))
	defer hook.Close()
	d := newDesk(t, fmt.Sprintf("alarm.webhook = \"%s/m4rk3r\"\nalarm.maildir = false", hook.URL))
	good := mailbox(t)
	for _, name := range []string{"a", "b"} {
		d.account(name, good)
	}
	conf := strings.ReplaceAll(d.conf.String(), "alarm = false\n", "")
	d.conf.Reset()
	d.conf.WriteString(conf)
	code, out := d.check(t.Context(), "--alarm")
	if code != exit.OK {
		t.Errorf("exit code %d", code)
	}
	has(t, out, "ok    alarm: webhook, for all accounts: it took the test alarm\n", "info  b: alarm.maildir = false, so it is told of in the ways above\n")
	if len(got) != 1 || got[0]["kind"] != "test" || got[0]["account"] != "a" || !strings.Contains(fmt.Sprint(got[0]["text"]), "test alarm, nothing is wrong") {
		t.Errorf("the webhook got %v", got)
	}
	answer = http.StatusNotFound
	code, out = d.check(t.Context(), "--alarm", "b")
	if code != exit.Config || strings.Contains(out, "m4rk3r") {
		t.Errorf("exit code %d\n%s", code, out)
	}
	has(t, out, "FAIL  alarm: webhook, for all accounts: the test alarm did not arrive: the receiver answered 404 (Not Found)\n      next step: correct alarm.webhook")
	if len(got) != 2 || got[1]["account"] != "b" {
		t.Errorf("the webhook got %v", got)
	}
}

// Nothing is asked of anybody with --offline: the server would hang.
func TestCheckOfflineAsksNobody(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	d := newDesk(t, "")
	h := newHall(t, 0, "")
	d.account("a", h.addr)
	d.deliver("a", `type = "smtp"`, fmt.Sprintf("address = %q", h.addr), `tls = "none"`, `to = ["me@example.org"]`)
	conf := strings.Replace(d.conf.String(), `host = "127.0.0.1"`, `host = "no-such-host.invalid"`, 1)
	conf = strings.Replace(conf, `tls = "none"`, "", 1)
	d.conf.Reset()
	d.conf.WriteString(conf)
	code, out := d.check(ctx, "--offline")
	if came, _ := h.counts(); code != exit.OK || came != 0 {
		t.Errorf("exit code %d, %d connections\n%s", code, came, out)
	}
}

// Many accounts that send to one mail server do not come there all at once.
func TestCheckIsPoliteToRelays(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	d := newDesk(t, "")
	good, relay := mailbox(t), newHall(t, -1, "554 no service\r\n")
	for i := range 20 {
		name := fmt.Sprintf("a%02d", i)
		d.account(name, good)
		d.deliver(name, `type = "smtp"`, fmt.Sprintf("address = %q", relay.addr), `tls = "none"`, `to = ["me@example.org"]`)
	}
	code, out := d.check(ctx)
	if came, most := relay.counts(); code == exit.OK || came != 20 || most > 8 { // it may notice the end of one after the beginning of the next
		t.Errorf("exit code %d, %d connections, %d at once\n%s", code, came, most, out)
	}
}
