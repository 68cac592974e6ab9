package imap

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// moreServers ends a test of servers that only 'make test-imap' installs and asks for.
func moreServers(t *testing.T, name string) {
	t.Helper()
	if os.Getenv("POPSYNC_TEST_IMAP") == "" {
		t.Skipf("NOT TESTED AGAINST %s: make test-imap does that", strings.ToUpper(name))
	}
	if os.Geteuid() != 0 {
		t.Fatalf("%s: only root can start it", name)
	}
}

const nobody = 65534 // whom servers run as, and whose the mail is

// lodge makes a folder of theirs.
func lodge(t *testing.T, dirs ...string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "popsync-imap-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	for _, d := range append([]string{""}, dirs...) {
		path := filepath.Join(dir, d)
		if err := os.MkdirAll(path, 0o755); err != nil {
			t.Fatal(err)
		}
		for ; len(path) >= len(dir); path = filepath.Dir(path) {
			if err := os.Chown(path, nobody, nobody); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

// private makes a command run as nobody, in a process group of its own.
func private(cmd *exec.Cmd) *exec.Cmd {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	return cmd
}

// inetd listens on a loopback port, and runs a program for each connection, until the test ends.
func inetd(t *testing.T, command func() *exec.Cmd) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	running, ended := map[*exec.Cmd]bool{}, false
	serve := func(conn net.Conn) {
		defer conn.Close()
		f, err := conn.(*net.TCPConn).File()
		if err != nil {
			return
		}
		defer f.Close()
		cmd := private(command())
		cmd.Stdin, cmd.Stdout = f, f
		mu.Lock()
		if !ended {
			if err = cmd.Start(); err == nil {
				running[cmd] = true
			}
		}
		started := running[cmd]
		mu.Unlock()
		if err != nil {
			t.Error(err)
		}
		if started {
			_ = cmd.Wait()
			mu.Lock()
			delete(running, cmd)
			mu.Unlock()
		}
	}
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { serve(conn) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		ended = true
		for cmd := range running {
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		}
		mu.Unlock()
		wg.Wait()
	})
	return l.Addr().String()
}

// startCourier runs Courier's imapd for each connection, which takes us for logged in, with the program that tells it of changes.
func startCourier(t *testing.T) *world {
	moreServers(t, "Courier")
	dir := lodge(t, "Maildir/tmp", "Maildir/new", "Maildir/cur")
	client := "GAM_CLIENT_ID=" + filepath.Base(dir)
	watcher := private(exec.Command("/usr/libexec/gam_server", filepath.Base(dir)))
	watcher.Env = []string{client, "HOME=" + dir}
	if err := watcher.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = watcher.Process.Kill(); _ = watcher.Wait() })
	addr := inetd(t, func() *exec.Cmd {
		cmd := exec.Command(filepath.Join(unpacked, "courier-imap/usr/bin/imapd"), "Maildir")
		cmd.Dir = dir
		cmd.Env = []string{client, "HOME=" + dir, "AUTHENTICATED=u1", "IMAP_USELOCKS=1", "IMAP_CAPABILITY=IMAP4rev1 UIDPLUS CHILDREN NAMESPACE", "TCPREMOTEIP=127.0.0.1"}
		return cmd
	})
	return onServer(t, addr, "u1", "secret")
}

// startMailutils runs imap4d for each connection, which takes us for logged in.
func startMailutils(t *testing.T) *world {
	moreServers(t, "mailutils")
	dir := lodge(t, "mail", "spool")
	config := filepath.Join(dir, "imap4d.conf")
	text := `mailbox { folder "` + dir + `/mail"; mail-spool "` + dir + `/spool"; };
namespace personal { prefix "" { directory "` + dir + `/mail"; }; };
`
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	addr := inetd(t, func() *exec.Cmd {
		cmd := exec.Command(filepath.Join(unpacked, "mailutils-imap4d/usr/sbin/imap4d"), "--config-file="+config, "--inetd", "--preauth", "--test")
		cmd.Dir, cmd.Env = dir, []string{"HOME=" + dir + "/mail"}
		return cmd
	})
	w := onServer(t, addr, "u1", "secret")
	added := regexp.MustCompile(`(?m)^X-(IMAPbase|UID): [0-9 ]+\r\n`)
	w.seeds = true
	w.shown = func(text string) string {
		header, body, _ := strings.Cut(text, "\r\n\r\n")
		return added.ReplaceAllString(header+"\r\n", "") + "\r\n" + body
	}
	return w
}

// sameEnds makes line ends equal, and takes off those at the end: both servers add some.
func sameEnds(text string) string { return strings.TrimRight(crlf(text), "\r\n") }

func TestCourierCut(t *testing.T) {
	t.Parallel()
	startCourier(t).cutEverywhere()
}

func TestCourierWindowCut(t *testing.T) {
	t.Parallel()
	startCourier(t).cutWindows()
}

func TestCourierOddMail(t *testing.T) {
	t.Parallel()
	startCourier(t).oddMail(sameEnds)
}

func TestMailutilsCut(t *testing.T) {
	t.Parallel()
	startMailutils(t).cutEverywhere()
}

func TestMailutilsWindowCut(t *testing.T) {
	t.Parallel()
	startMailutils(t).cutWindows()
}

func TestMailutilsOddMail(t *testing.T) {
	t.Parallel()
	mbox := regexp.MustCompile(`(?m)\AFrom .*\r\n|^(Status|X-UID): .*\r\n`)
	startMailutils(t).oddMail(func(text string) string { return sameEnds(mbox.ReplaceAllString(text, "")) })
}
