// Package proxytest starts real proxies for tests, those of Debian's packages microsocks and tinyproxy: on a port of loopback, with
// nothing of the system's configuration. Where they are not installed the test is skipped, in CI it fails.
package proxytest

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// From is where connections of these proxies come from, so that a server can tell them from others of this machine.
const From = "127.0.0.9"

// Proxy is one that runs until the test ends.
type Proxy struct {
	Addr string // "127.0.0.1:PORT"

	log   output
	cmd   *exec.Cmd
	ended chan struct{} // closed when it has
}

// Log is what the proxy said so far: of each connection the host and port that it was asked for.
func (p *Proxy) Log() string { return p.log.String() }

// Stop ends it; its port refuses connections from then on, unless another takes it.
func (p *Proxy) Stop() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// SOCKS starts microsocks; with a user it wants that login.
func SOCKS(t testing.TB, user, password string) *Proxy {
	t.Helper()
	args := []string{"-i", "127.0.0.1", "-b", From}
	if user != "" {
		args = append(args, "-u", user, "-P", password)
	}
	return start(t, "microsocks", func(port string) []string { return append(args, "-p", port) })
}

// HTTP starts tinyproxy; with a user it wants that login.
func HTTP(t testing.TB, user, password string) *Proxy {
	t.Helper()
	file := filepath.Join(t.TempDir(), "tinyproxy.conf")
	return start(t, "tinyproxy", func(port string) []string {
		conf := fmt.Sprintf("Listen 127.0.0.1\nPort %s\nBind %s\nTimeout 60\nMaxClients 20\nLogLevel Connect\nAllow 127.0.0.1\n", port, From)
		if user != "" {
			conf += fmt.Sprintf("BasicAuth %s %s\n", user, password)
		}
		if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
			t.Fatal(err)
		}
		return []string{"-d", "-c", file}
	})
}

func start(t testing.TB, program string, args func(port string) []string) *Proxy {
	t.Helper()
	path, err := exec.LookPath(program)
	switch {
	case err == nil:
	case os.Getenv("CI") != "":
		t.Fatalf("%s is not here; run as root: make test-deps", program)
	default:
		t.Skipf("NOT TESTED WITH %s: it is not here; run as root: make test-deps", strings.ToUpper(program))
	}
	for range 5 { // another may take the port meanwhile
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		p := &Proxy{Addr: l.Addr().String(), ended: make(chan struct{})}
		_, port, _ := net.SplitHostPort(p.Addr)
		l.Close()
		p.cmd = exec.Command(path, args(port)...)
		p.cmd.Stdout, p.cmd.Stderr = &p.log, &p.log
		if err := p.cmd.Start(); err != nil {
			t.Fatal(err)
		}
		go func() {
			_ = p.cmd.Wait()
			close(p.ended)
		}()
		if p.listens() {
			t.Cleanup(p.Stop)
			return p
		}
		p.Stop()
		t.Logf("%s does not listen: %s", program, p.Log())
	}
	t.Fatalf("%s does not start", program)
	return nil
}

func (p *Proxy) listens() bool {
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if conn, err := net.Dial("tcp", p.Addr); err == nil {
			conn.Close()
			return true
		}
		select {
		case <-p.ended:
			return false
		default:
		}
	}
	return false
}

// output collects what a program says.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}
