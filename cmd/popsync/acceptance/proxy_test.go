package acceptance_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/popsync/popsync/bench/mailgen"
	"github.com/popsync/popsync/internal/dialer/proxytest"
	"github.com/popsync/popsync/pop3/pop3test"
)

// watched notes where connections come from.
type watched struct {
	mu   sync.Mutex
	from []string
}

func (w *watched) wrap(conn net.Conn) net.Conn {
	host, _, _ := net.SplitHostPort(conn.RemoteAddr().String())
	w.mu.Lock()
	defer w.mu.Unlock()
	w.from = append(w.from, host)
	return conn
}

// only wants that there were connections, and all of them from the proxy.
func (w *watched) only(t *testing.T, what string) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, f := range w.from {
		if f != proxytest.From {
			t.Errorf("%s: a connection came from %s", what, f)
		}
	}
	if len(w.from) == 0 {
		t.Errorf("%s: there was no connection", what)
	}
}

const proxyPassword = "pr0xy-s3cret-word"

// Mail is fetched and goes on through the proxy of the account, and by no other way: not when the proxy refuses the login, and not
// when it is gone.
func TestAcceptProxy(t *testing.T) {
	for kind, start := range map[string]func(testing.TB, string, string) *proxytest.Proxy{"socks5": proxytest.SOCKS, "http": proxytest.HTTP} {
		t.Run(kind, func(t *testing.T) {
			messages := mailgen.Messages(20, 3, 400, 900)
			var pop watched
			_, addr := serve(t, pop3test.Options{Wrap: pop.wrap}, boxOf(messages))
			relayed := newSink(t)
			proxy := start(t, "me", proxyPassword)
			h := newHouse(t)
			file := filepath.Join(h.dir, "proxy-password")
			set := func(password string) {
				must(t, os.WriteFile(file, []byte(password+"\n"), 0o600))
			}
			set(proxyPassword)
			// The relay is on this machine: it is reached through the proxy only since that is said.
			way := fmt.Sprintf("proxy = \"%s://me@%s\"\nproxy_password_file = %q", kind, proxy.Addr, file)
			h.account("work", addr, "u", "p", "mail", way, "insecure_plaintext = true")
			fmt.Fprintf(&h.conf, "[[account.work.deliver]]\ntype = \"smtp\"\naddress = %q\ntls = \"none\"\ninsecure_plaintext = true\nto = [\"me@example.org\"]\n%s\n", relayed.addr, way)
			trace := filepath.Join(h.dir, "wire")
			h.run(0, "--trace", trace)
			same(t, wanted(messages...), arrived(t, h.mail("mail")))
			if n := len(relayed.messages()); n != len(messages) {
				t.Errorf("%d of %d messages went on", n, len(messages))
			}
			pop.only(t, kind)
			_, port, _ := net.SplitHostPort(relayed.addr)
			if log := proxy.Log(); !strings.Contains(log, port) {
				t.Errorf("the relay was reached by another way: %s", log)
			}
			b, err := os.ReadFile(trace)
			must(t, err)
			if !strings.Contains(string(b), "through the proxy "+kind+"://"+proxy.Addr+"\n") {
				t.Errorf("the transcript does not name the proxy:\n%s", b)
			}
			if strings.Contains(string(b), proxyPassword) {
				t.Errorf("the transcript has the proxy's password:\n%s", b)
			}

			said := func(code int, words string) {
				t.Helper()
				for _, args := range [][]string{{"run"}, {"check"}} {
					r := h.popsync(args...)
					if r.code != code || !strings.Contains(strings.Join(strings.Fields(r.out+r.err), " "), words) {
						t.Errorf("%v: exit code %d, want %d with %q:\n%s%s", args, r.code, code, words, r.out, r.err)
					}
					if strings.Contains(r.out+r.err, proxyPassword) {
						t.Errorf("%v shows the proxy's password:\n%s%s", args, r.out, r.err)
					}
				}
				pop.only(t, kind)
			}
			said(0, "")
			set(proxyPassword + "x")
			said(78, "refuses its login")
			set(proxyPassword)
			proxy.Stop()
			said(75, "cannot be used")
			if n := len(pop.from); n != 3 { // the run, and one of each
				t.Errorf("%d connections came to the server", n)
			}
		})
	}
}

// The proxy gets the name: this machine cannot look it up.
func TestAcceptProxyLooksUp(t *testing.T) {
	proxy := proxytest.SOCKS(t, "", "")
	h := newHouse(t)
	h.add("work", "no-such-name.invalid", 995, "u", "p", "mail", fmt.Sprintf("proxy = \"socks5://%s\"", proxy.Addr))
	for _, args := range [][]string{{"run"}, {"check"}} {
		if r := h.popsync(args...); r.code != 75 || !strings.Contains(strings.Join(strings.Fields(r.out+r.err), " "), "could not connect to no-such-name.invalid:995") {
			t.Errorf("%v: %d %s%s", args, r.code, r.out, r.err)
		}
	}
}

// A program carries the mail. It is no encryption that popsync could see.
func TestAcceptConnectCommand(t *testing.T) {
	messages := mailgen.Messages(20, 3, 400, 900)
	_, addr := serve(t, pop3test.Options{}, boxOf(messages))
	h := newHouse(t)
	pipe := filepath.Join(h.dir, "pipe")
	must(t, os.WriteFile(pipe, []byte("#!/bin/bash\nexec 3<>/dev/tcp/127.0.0.1/$2 || exit 1\ncat <&3 &\ncat >&3\nkill $!\n"), 0o700))
	h.add("work", "mail.nowhere.invalid", addr.Port, "u", "p", "mail", fmt.Sprintf("connect_command = [%q, \"{host}\", \"{port}\"]", pipe), `tls = "none"`)
	if r := h.popsync("run"); r.code != 78 || !strings.Contains(r.err, "whether connect_command encrypts it cannot see") {
		t.Errorf("%d %s", r.code, r.err)
	}
	text := strings.Replace(h.conf.String(), "connect_command", "insecure_plaintext = true\nconnect_command", 1)
	h.conf.Reset()
	h.conf.WriteString(text)
	h.run(0)
	same(t, wanted(messages...), arrived(t, h.mail("mail")))
	must(t, os.WriteFile(pipe, []byte("#!/bin/sh\necho 'ssh: no route to host' >&2; exit 255\n"), 0o700))
	if r := h.popsync("run"); r.code != 75 || !strings.Contains(r.err, "no route to host") {
		t.Errorf("%d %s", r.code, r.err)
	}
}
