package acceptance_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/popsync/popsync/pop3/pop3test/dovecot"
)

// Debian lets only one of these servers be installed. tools/test-deps.sh unpacks the others here, without their services,
// settings and users; what they want of a system is put before them in a mount namespace of their own.
const unpacked = "/usr/local/lib/popsync-tests"

// mailServer is a running server with one empty mailbox.
type mailServer struct {
	addr           string
	user, password string
	put            func(messages [][]byte) // stores them behind the others
}

// programs finds a server's programs, each PACKAGE/usr/..., or ends the test.
func programs(t *testing.T, name string, paths ...string) (found []string) {
	t.Helper()
	var problem string
	for _, path := range paths {
		in := filepath.Join(unpacked, path)
		if _, err := os.Stat(in); err != nil {
			in = path[strings.IndexByte(path, '/'):]
		}
		if _, err := os.Stat(in); err != nil {
			problem = "it is not here; run as root: make test-deps"
		}
		found = append(found, in)
	}
	if os.Geteuid() != 0 {
		problem = "it can only be started by root"
	}
	switch {
	case problem == "":
		return found
	case os.Getenv("CI") != "":
		t.Fatalf("%s: %s", name, problem)
	}
	t.Skipf("NOT TESTED AGAINST %s: %s", strings.ToUpper(name), problem)
	return nil
}

// lodge makes a folder that everybody can read, with the folders in it that are named.
func lodge(t *testing.T, dirs ...string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "popsync-server-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	must(t, os.Chmod(dir, 0o755))
	for _, d := range dirs {
		must(t, os.MkdirAll(filepath.Join(dir, d), 0o755))
	}
	return dir
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const someone = 65534 // whom the mail belongs to

func startDovecot(t *testing.T) mailServer {
	d := dovecot.Start(t, dovecot.Options{Users: 1})
	return mailServer{d.Plain, "u1", dovecot.Password, func(m [][]byte) { d.Fill("u1", m) }}
}

// startCourier runs courierpop3login and courierpop3d for each connection. Their authentication daemon is played here.
func startCourier(t *testing.T) mailServer {
	p := programs(t, "Courier", "courier-pop/usr/lib/courier/courier/courierpop3login", "courier-pop/usr/lib/courier/courier/courierpop3d")
	dir := lodge(t, "run/courier/authdaemon", "home/Maildir/tmp", "home/Maildir/new", "home/Maildir/cur")
	must(t, exec.Command("chown", "-R", fmt.Sprint(someone), filepath.Join(dir, "home")).Run())
	socket := filepath.Join(dir, "run/courier/authdaemon/socket")
	l, err := net.Listen("unix", socket)
	must(t, err)
	must(t, os.Chmod(socket, 0o666))
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			fmt.Fprint(conn, vouch(conn, filepath.Join(dir, "home")))
			conn.Close()
		}
	}()
	stored := 0
	return mailServer{inetd(t, dir, `mount --bind "$0/run" /run`, p[0], p[1], "Maildir"), "u1", "secret", func(messages [][]byte) {
		for _, m := range messages {
			stored++
			m = bytes.ReplaceAll(m, []byte("\r\n"), []byte("\n")) // each LF is sent as CRLF
			file := filepath.Join(dir, "home/Maildir/cur", fmt.Sprintf("%d.M%06dP1.test:2,", 1_600_000_000+stored, stored))
			must(t, os.WriteFile(file, m, 0o644))
			must(t, os.Chown(file, someone, someone))
		}
	}}
}

// vouch answers as Courier's authentication daemon does: settings first, then "AUTH" with the octets that follow.
func vouch(conn net.Conn, home string) string {
	r := bufio.NewReader(conn)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return "FAIL\n"
		}
		var n int
		if _, err := fmt.Sscanf(line, "AUTH %d", &n); err != nil {
			continue
		}
		asked := make([]byte, n)
		if _, err := io.ReadFull(r, asked); err != nil || string(asked) != "pop3\nlogin\nu1\nsecret\n" {
			return "FAIL\n"
		}
		return fmt.Sprintf("UID=%d\nGID=%d\nHOME=%s\nADDRESS=u1\n.\n", someone, someone, home)
	}
}

// startMbox runs a server that reads an mbox in /var/mail and knows users by /etc/passwd and PAM.
func startMbox(t *testing.T, name, program string, args ...string) mailServer {
	p := programs(t, name, program)
	dir := lodge(t, "etc/pam.d", "var/mail", "var/lib/popa3d", "var/run")
	passwd := fmt.Sprintf("root:x:0:0::/:/bin/sh\npopa3d:x:65533:65533::/var/lib/popa3d:/bin/false\nu1:x:%d:%d::/:/bin/sh\n", someone, someone)
	must(t, os.WriteFile(filepath.Join(dir, "etc/passwd"), []byte(passwd), 0o644))
	must(t, os.WriteFile(filepath.Join(dir, "etc/pam.d/other"), []byte("auth required pam_permit.so\naccount required pam_permit.so\nsession required pam_permit.so\n"), 0o644))
	must(t, os.Chmod(filepath.Join(dir, "var/mail"), 0o777))
	file := filepath.Join(dir, "var/mail/u1")
	must(t, os.WriteFile(file, nil, 0o600))
	must(t, os.Chown(file, someone, someone))
	mounts := `mount --bind "$0/var" /var; mount --bind "$0/etc/passwd" /etc/passwd; mount --bind "$0/etc/pam.d" /etc/pam.d`
	return mailServer{inetd(t, dir, mounts, append(p, args...)...), "u1", "secret", func(messages [][]byte) {
		f, err := os.OpenFile(file, os.O_WRONLY|os.O_APPEND, 0)
		must(t, err)
		for _, m := range messages {
			if !bytes.HasSuffix(m, []byte("\n")) {
				m = append(bytes.Clone(m), '\n')
			}
			m = bytes.ReplaceAll(bytes.ReplaceAll(m, []byte("\r\n"), []byte("\n")), []byte("\nFrom "), []byte("\n>From "))
			_, err := fmt.Fprintf(f, "From sender@example.org Thu Jan  1 00:00:00 2026\n%s\n", m)
			must(t, err)
		}
		must(t, f.Close())
	}}
}

// inetd listens and runs a program for each connection, in a mount namespace in which dir was put where it belongs.
func inetd(t *testing.T, dir, mounts string, program ...string) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer conn.Close()
				f, err := conn.(*net.TCPConn).File()
				if err != nil {
					return
				}
				defer f.Close()
				args := append([]string{"--mount", "--propagation", "private", "sh", "-ec", mounts + "\n" + `exec "$@"`, dir}, program...)
				cmd := exec.CommandContext(ctx, "unshare", args...)
				cmd.Env = append(os.Environ(), "TCPREMOTEIP=127.0.0.1", "TCPREMOTEPORT=1", "TCPLOCALPORT=110")
				cmd.Dir = "/"
				cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
				cmd.Stdin, cmd.Stdout = f, f
				out, err := os.OpenFile(filepath.Join(dir, "errors"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
				if err == nil {
					defer out.Close()
					cmd.Stderr = out
				}
				if err := cmd.Run(); err != nil && out != nil {
					fmt.Fprintln(out, err)
				}
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		cancel()
		wg.Wait()
		if out, _ := os.ReadFile(filepath.Join(dir, "errors")); t.Failed() && len(out) > 0 {
			t.Logf("the server said:\n%s", out)
		}
	})
	return l.Addr().String()
}
