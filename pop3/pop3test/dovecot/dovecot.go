// Package dovecot starts a private Dovecot POP3 server for a test: on loopback ports of its own, in a folder of its
// own, with users and mail that the test puts there, gone when the test ends.
//
// It never touches the system's Dovecot service, configuration or mail, needs no root (and works as root), and offers
// POP3 (RFC 1939) in plain text and with STLS (RFC 2595) on one port, and under implicit TLS (RFC 8314) on another.
// The certificate is made by the test. It is not a scripted server: what faults need is in pop3test/fault.
//
// Dovecot turns bare LF into CRLF on the wire, so it proves nothing about the fidelity of odd bytes.
package dovecot

import (
	"crypto/ecdsa"
	"crypto/x509"
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

// Password is the password of every user.
const Password = "correct horse"

// Host is the name in the server's certificate; the address 127.0.0.1 is in it too.
const Host = "localhost"

// Options say what Start makes. The zero value: no users, defaults of Dovecot.
type Options struct {
	Users int    // users u1 to uN exist from the start, with empty mailboxes
	Dir   string // parent of the server's folder; "": memory where there is enough of it, else the temporary folder
	LMTP  bool   // take mail by LMTP too, on a unix socket, for USER@ANYTHING; it becomes new mail in the Maildir
	// Logins offers every way to log in that Dovecot has; an access token is good if Introspect, a URL (RFC 7662), says so. Another
	// server may ask at Server.AuthSocket.
	Logins     bool
	Introspect string
	Extra      string // lines added to dovecot.conf, such as "pop3_uidl_format = %g"
	IMAP       bool   // serve IMAP too, on ports of its own
}

// Server is a running Dovecot. Its methods are for the test's goroutine: what fails there fails the test.
type Server struct {
	Plain  string         // address for POP3 without TLS and with STLS
	TLS    string         // address for POP3 with TLS from the first byte
	CA     *x509.CertPool // trusts the server's certificate
	CAFile string         // the same as a PEM file, readable by anybody
	IMAP   string         // address for IMAP without TLS and with STARTTLS; "" without it
	IMAPS  string         // address for IMAP with TLS from the first byte
	LMTP   string         // path of the socket for LMTP (RFC 2033); "" without it

	t      testing.TB
	ca     *x509.Certificate
	caKey  *ecdsa.PrivateKey
	dir    string
	owner  owner
	filled map[string]int // messages ever put into a user's mailbox; makes names unique and ordered
}

// Start starts a server and returns once it greets on both ports; it is stopped and its folder removed by t.Cleanup.
// Without Dovecot the test is skipped, or fails when the environment has CI.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	program := find(t)
	dir, err := os.MkdirTemp(parent(o.Dir), "popsync-dovecot-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := &Server{t: t, dir: dir, owner: mailOwner(t), filled: map[string]int{}}
	// MkdirTemp's 0700 would shut out the unprivileged users that Dovecot switches to.
	s.must(os.Chmod(dir, 0o755))
	for _, d := range []string{"base", "state", "mail"} {
		s.must(os.Mkdir(filepath.Join(dir, d), 0o755))
	}
	s.must(os.WriteFile(filepath.Join(dir, "users"), nil, 0o644))
	s.certify()
	for i := range o.Users {
		s.AddUser(fmt.Sprintf("u%d", i+1))
	}
	// A port found free may be taken by somebody else before Dovecot binds it; what a machine is short of for a moment
	// may take longer to come back.
	for try, wait := 1, 50*time.Millisecond; ; try, wait = try+1, wait*4 {
		err := s.launch(program, s.logins(o)+s.lmtp(o)+s.imap(o)+o.Extra)
		if err == nil {
			return s
		}
		if try == 5 {
			log, _ := os.ReadFile(filepath.Join(dir, "log"))
			t.Fatalf("dovecot: %v\n%s", err, log)
		}
		time.Sleep(wait)
	}
}

// find returns the path of a Dovecot this package can configure, or ends the test.
func find(t testing.TB) string {
	t.Helper()
	const install = "install it with: apt-get install dovecot-pop3d (Debian), or run: make test-deps"
	var problem string
	program, err := exec.LookPath("dovecot")
	if err != nil {
		program, err = exec.LookPath("/usr/sbin/dovecot") // not in an ordinary user's PATH
	}
	if err != nil {
		problem = "Dovecot is not installed; " + install
	} else if out, err := exec.Command(program, "--version").Output(); err != nil {
		problem = "dovecot --version: " + err.Error() + "; " + install
	} else if v := strings.TrimSpace(string(out)); !strings.HasPrefix(v, "2.3.") {
		problem = "Dovecot 2.3 is needed, here is " + v + " whose configuration has another syntax"
	}
	switch {
	case problem == "":
		return program
	case os.Getenv("CI") != "":
		t.Fatal(problem)
	default:
		t.Skip("NOT TESTED AGAINST DOVECOT: " + problem)
	}
	return ""
}

// launch writes the configuration with fresh ports, starts Dovecot and waits until it greets.
func (s *Server) launch(program, extra string) error {
	plain, tls, err := freePorts()
	if err != nil {
		return err
	}
	file := filepath.Join(s.dir, "dovecot.conf")
	if err := os.WriteFile(file, []byte(s.conf(plain, tls)+extra+"\n"), 0o644); err != nil {
		return err
	}
	s.Plain, s.TLS = fmt.Sprintf("127.0.0.1:%d", plain), fmt.Sprintf("127.0.0.1:%d", tls)

	p, err := spawn(program, "-F", "-c", file)
	if err != nil {
		return err
	}
	err = errors.Join(waitFor(p, func() error { return s.greets(s.Plain, false) }),
		waitFor(p, func() error { return s.greets(s.TLS, true) }))
	if err != nil {
		p.stop()
		return err
	}
	s.t.Cleanup(p.stop) // runs before the folder is removed
	return nil
}

// waitFor repeats ready until it succeeds, the process ends, or 20 s are over.
func waitFor(p *process, ready func() error) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	timeout := time.After(20 * time.Second)
	for {
		err := ready()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-p.done:
			return fmt.Errorf("it ended at once: %w: %s", p.err, &p.said)
		case <-timeout:
			return fmt.Errorf("it does not greet: %w", err)
		}
	}
}

// freePorts returns two loopback ports that were free a moment ago.
func freePorts() (a, b int, err error) {
	var ports []int
	for range 2 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return 0, 0, err
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports[0], ports[1], nil
}

// parent chooses where the server's folder lies: memory makes filling and reading large mailboxes fast.
func parent(dir string) string {
	const memory, enough = "/dev/shm", 1 << 30
	if dir != "" {
		return dir
	}
	var st syscall.Statfs_t
	if syscall.Statfs(memory, &st) != nil || uint64(st.Bavail)*uint64(st.Bsize) < enough {
		return os.TempDir()
	}
	return memory
}

func (s *Server) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatalf("dovecot: %v", err)
	}
}
