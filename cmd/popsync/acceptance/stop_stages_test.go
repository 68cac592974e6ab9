package acceptance_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/popsync/popsync/pop3/pop3test"
)

// stage is what a run is at when it is stopped.
type stage struct {
	name string
	// set makes the account, and returns what tells that the run has come there and what mends it.
	set func(t *testing.T, h *house, addr *net.TCPAddr, server *pop3test.Server) (there func() bool, mend func())
}

// stubborn is a program that ignores SIGTERM, and so does its child. Their numbers are in the folder of $1.
const stubborn = "#!/bin/sh\ntrap '' TERM INT\nsleep 600 & echo $! >\"$1/child\"\necho $$ >\"$1/parent\"\nwait\nsleep 600\n"

// program writes a script and returns its path.
func (h *house) program(name, text string) string {
	h.t.Helper()
	file := filepath.Join(h.dir, name)
	if err := os.WriteFile(file, []byte(text), 0o700); err != nil {
		h.t.Fatal(err)
	}
	return file
}

// pid is a number that a program wrote; 0: it has not.
func (h *house) pid(name string) int {
	b, _ := os.ReadFile(filepath.Join(h.dir, name))
	n, _ := strconv.Atoi(strings.TrimSpace(string(b)))
	return n
}

// lives tells whether a process is there that is no zombie.
func lives(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := strings.Cut(string(stat), ") ")
	return err != nil || !strings.HasPrefix(rest, "Z")
}

// speechless is a server that accepts connections, says something at once and nothing more.
func speechless(t *testing.T, greeting string) (addr *net.TCPAddr, came func() bool) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	met := make(chan struct{})
	once := sync.OnceFunc(func() { close(met) })
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { conn.Close() })
			_, _ = conn.Write([]byte(greeting))
			once()
		}
	}()
	return l.Addr().(*net.TCPAddr), closed(met)
}

func closed(ch <-chan struct{}) func() bool {
	return func() bool {
		select {
		case <-ch:
			return true
		default:
			return false
		}
	}
}

func stages() (all []stage) {
	for _, verb := range []string{"CAPA", "PASS", "UIDL", "RETR", "DELE", "QUIT"} {
		all = append(all, stage{verb, func(t *testing.T, h *house, addr *net.TCPAddr, server *pop3test.Server) (func() bool, func()) {
			h.account("a", addr, "u", "p", "Mail", `delete = "after-delivery"`)
			met := make(chan struct{})
			once := sync.OnceFunc(func() { close(met) })
			server.Change(func(o *pop3test.Options) {
				o.NoAUTH = true
				o.OnCommand = func(_ *pop3test.Session, v, _ string) *pop3test.Reply {
					if v == verb {
						once()
						<-server.Done()
					}
					return nil
				}
			})
			return closed(met), func() { server.Change(func(o *pop3test.Options) { o.OnCommand = nil }) }
		}})
	}
	elsewhere := func(tls string) func(t *testing.T, h *house, addr *net.TCPAddr, server *pop3test.Server) (func() bool, func()) {
		return func(t *testing.T, h *house, addr *net.TCPAddr, _ *pop3test.Server) (func() bool, func()) {
			mute, came := speechless(t, "")
			h.add("a", "127.0.0.1", mute.Port, "u", "p", "Mail", tls)
			return came, func() {
				conf := replace(t, h.conf.String(), fmt.Sprintf("port = %d", mute.Port), fmt.Sprintf("port = %d", addr.Port), tls, `tls = "none"`)
				h.conf.Reset()
				h.conf.WriteString(conf)
			}
		}
	}
	all = append(all, stage{"greeting", elsewhere(`tls = "none"`)}, stage{"TLS", elsewhere(`tls = "implicit"`)})
	all = append(all, stage{"password_command", func(t *testing.T, h *house, addr *net.TCPAddr, _ *pop3test.Server) (func() bool, func()) {
		run := fmt.Sprintf("password_command = [%q, %q]", h.program("secret", stubborn), h.dir)
		h.account("a", addr, "u", "", "Mail", run)
		conf := replace(t, h.conf.String(), "password = \"\"\n", "")
		h.conf.Reset()
		h.conf.WriteString(conf)
		return func() bool { return h.pid("parent") != 0 }, func() {
			conf := replace(t, h.conf.String(), run, `password = "p"`)
			h.conf.Reset()
			h.conf.WriteString(conf)
		}
	}})
	all = append(all, stage{"command", func(t *testing.T, h *house, addr *net.TCPAddr, _ *pop3test.Server) (func() bool, func()) {
		h.account("a", addr, "u", "p", "Mail")
		file := h.program("deliver", stubborn)
		h.deliver("a", `type = "command"`, fmt.Sprintf("command = [%q, %q]", file, h.dir))
		return func() bool { return h.pid("parent") != 0 }, func() { h.program("deliver", "#!/bin/sh\nexit 0\n") }
	}})
	all = append(all, stage{"smtp", func(t *testing.T, h *house, addr *net.TCPAddr, _ *pop3test.Server) (func() bool, func()) {
		h.account("a", addr, "u", "p", "Mail")
		s := newSink(t)
		mute, came := speechless(t, "220 mute\r\n")
		h.relay("a", s)
		conf := replace(t, h.conf.String(), s.addr, mute.String())
		h.conf.Reset()
		h.conf.WriteString(conf)
		return came, func() {
			conf := replace(t, h.conf.String(), mute.String(), s.addr)
			h.conf.Reset()
			h.conf.WriteString(conf)
		}
	}})
	return all
}
