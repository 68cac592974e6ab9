// Package postfix starts a private Postfix for a test: on a loopback port of its own, with a configuration, a queue and
// Maildirs of its own, gone when the test ends.
//
// It never touches the system's Postfix service, configuration, queue or mail. Postfix switches users, so it needs root.
// It takes mail for the users it was told, by SMTP (RFC 5321), and virtual(8) puts it into their Maildirs; it relays
// nothing. Unlike Postfix by default it leaves header fields as they are: it neither drops nor completes or rewrites any.
package postfix

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Domain is that of every user: mail is for USER@Domain.
const Domain = "example.org"

// Options say what Start makes. The zero value: nobody to receive mail, no TLS, no login, no limits.
type Options struct {
	Users     []string // local parts that exist; they must be good as file names
	SizeLimit int64    // message_size_limit, octets; 0: none
	Checks    string   // header_checks, in the syntax of regexp_table(5); refusals come after the data; "": none
	TLS       bool     // offer STARTTLS (RFC 3207) with a certificate for Host
	SASL      string   // socket of Dovecot's auth service: only who logs in may send, and only under TLS; "": anybody may
	Extra     string   // lines added to main.cf
}

// Host is the name in the server's certificate; the address 127.0.0.1 is in it too.
const Host = "localhost"

// Server is a running Postfix. Its methods are for the test's goroutine: what fails there fails the test.
type Server struct {
	Addr   string // host:port on loopback
	CAFile string // PEM file that trusts the server's certificate; "" without TLS

	t   testing.TB
	dir string
	o   Options
}

// Start starts a server and returns once it greets; it is stopped and its folder removed by t.Cleanup. Without Postfix
// or without root the test is skipped, or fails when the environment has CI.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	s := &Server{t: t, o: o}
	program := s.find()
	dir, err := os.MkdirTemp(parent(), "popsync-postfix-")
	s.must(err)
	s.dir = dir
	t.Cleanup(func() { os.RemoveAll(dir) })
	s.furnish()
	// A port found free may be taken by somebody else before Postfix binds it.
	for try := 1; ; try++ {
		err := s.launch(program)
		if err == nil {
			return s
		}
		if try == 3 {
			t.Fatalf("postfix: %v\n%s", err, s.Log())
		}
	}
}

// find returns the path of the daemon that runs the others, or ends the test.
func (s *Server) find() string {
	s.t.Helper()
	const install = "install it with: apt-get install postfix (Debian), or run: make test-deps"
	var problem string
	out, err := exec.Command("/usr/sbin/postconf", "-dh", "daemon_directory").Output()
	switch {
	case err != nil:
		problem = "Postfix is not installed; " + install
	case os.Geteuid() != 0:
		problem = "Postfix can only be started by root"
	default:
		return filepath.Join(strings.TrimSpace(string(out)), "master")
	}
	if os.Getenv("CI") != "" {
		s.t.Fatal(problem)
	}
	s.t.Skip("NOT TESTED AGAINST POSTFIX: " + problem)
	return ""
}

// launch writes master.cf with a fresh port, starts Postfix and waits until it greets.
func (s *Server) launch(program string) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	conf := filepath.Join(s.dir, "conf")
	s.write("master.cf", master(port))
	s.Addr = fmt.Sprintf("127.0.0.1:%d", port)
	// What "postfix start" runs, but in the foreground: so it ends with the test, even when the test is killed.
	p, err := spawn(program, "-c", conf, "-s")
	if err != nil {
		return err
	}
	if err := s.greets(p); err != nil {
		p.stop()
		return err
	}
	s.t.Cleanup(func() { // runs before the folder is removed
		p.stop()
		// The daemons are no children of ours: what shows that they are gone is their socket.
		for deadline := time.Now().Add(10 * time.Second); greeting(s.Addr) == nil && time.Now().Before(deadline); {
			time.Sleep(5 * time.Millisecond)
		}
	})
	return nil
}

// greets waits until the server does, the process ends, or 20 s are over.
func (s *Server) greets(p *process) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	timeout := time.After(20 * time.Second)
	for {
		err := greeting(s.Addr)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-p.done:
			return errors.Join(errors.New("it ended at once"), p.err)
		case <-timeout:
			return fmt.Errorf("it does not greet: %w", err)
		}
	}
}

func greeting(addr string) error {
	conn, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	b := make([]byte, 512)
	n, err := conn.Read(b)
	if err == nil && !bytes.HasPrefix(b[:n], []byte("220 ")) {
		err = fmt.Errorf("greeting %q", b[:n])
	}
	return err
}

// freePort returns a loopback port that was free a moment ago.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// parent chooses where the server's folder lies: memory, where there is enough of it, makes its many syncs cheap.
func parent() string {
	const memory, enough = "/dev/shm", 1 << 30
	var st syscall.Statfs_t
	if syscall.Statfs(memory, &st) != nil || uint64(st.Bavail)*uint64(st.Bsize) < enough {
		return os.TempDir()
	}
	return memory
}

func (s *Server) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatalf("postfix: %v", err)
	}
}
