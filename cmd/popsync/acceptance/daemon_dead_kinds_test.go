package acceptance_test

import (
	"bytes"
	"crypto/sha256"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/popsync/popsync/pop3/pop3test"
)

// lair is a port of loopback where visitors are counted, and treated badly until somebody mends it.
type lair struct {
	net.Listener
	mu     sync.Mutex
	visits int
	treat  func(net.Conn)
}

func newLair(t *testing.T, treat func(net.Conn)) *lair {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return inhabit(t, l, treat)
}

func inhabit(t *testing.T, l net.Listener, treat func(net.Conn)) *lair {
	a := &lair{Listener: l, treat: treat}
	t.Cleanup(func() { a.Close() })
	go func() {
		for {
			conn, err := a.Accept()
			if err != nil {
				return
			}
			a.mu.Lock()
			a.visits++
			treat := a.treat
			a.mu.Unlock()
			go func() {
				defer conn.Close()
				treat(conn)
			}()
		}
	}()
	return a
}

func (a *lair) port() int { return a.Addr().(*net.TCPAddr).Port }

func (a *lair) visited() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.visits
}

func (a *lair) mend(treat func(net.Conn)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.treat = treat
}

// silent reads all and says nothing, until the visitor has had enough.
func silent(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }

// answering says the same to a command whatever comes with it.
func answering(texts map[string]string) func(*pop3test.Session, string, string) *pop3test.Reply {
	return func(_ *pop3test.Session, verb, _ string) *pop3test.Reply {
		if text, ok := texts[verb]; ok {
			return &pop3test.Reply{Raw: []byte(text)}
		}
		return nil
	}
}

// closedPort gives a port that refuses connections, and is nobody else's, until it is told to listen.
func closedPort(t *testing.T) (port int, listen func() net.Listener) {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), "closed port")
	t.Cleanup(func() { f.Close() })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	at, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return at.(*syscall.SockaddrInet4).Port, func() net.Listener {
		t.Helper()
		if err := syscall.Listen(fd, 16); err != nil {
			t.Fatal(err)
		}
		l, err := net.FileListener(f)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
}

// fillable is a small filesystem of its own that is almost full: so many octets are left. empty frees it.
func fillable(t *testing.T, dir string, left int) (empty func()) {
	t.Helper()
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=1m", "popsync-test", dir).CombinedOutput(); err != nil {
		t.Fatalf("mount: %v\n%s", err, out)
	}
	t.Cleanup(func() { _ = exec.Command("umount", "-l", dir).Run() })
	filler := filepath.Join(dir, "filler")
	if err := os.WriteFile(filler, make([]byte, 1<<20-left), 0o600); err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
	}
}

// notices are the alarms that a house's command was given.
type notices map[string]map[string]int // by account and kind

// alarmCommand appends what it is told to a file, one line for each.
func (h *house) alarmCommand() string {
	return `["/bin/sh", "-c", "printf '%s %s %s %s\\n' \"$POPSYNC_ACCOUNT\" \"$POPSYNC_KIND\" \"$POPSYNC_CAUSE\" \"$POPSYNC_ID\" >>` +
		h.mail("told") + `"]`
}

// told reads what the alarm command was told: how often, and the last cause of each account.
func (h *house) told() (n notices, causes map[string]string) {
	h.t.Helper()
	b, err := os.ReadFile(h.mail("told"))
	if err != nil && !os.IsNotExist(err) {
		h.t.Fatal(err)
	}
	n, causes = notices{}, map[string]string{}
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) != 4 {
			h.t.Fatalf("the alarm command wrote %q", line)
		}
		if n[f[0]] == nil {
			n[f[0]] = map[string]int{}
		}
		n[f[0]][f[1]]++
		causes[f[0]] = f[2]
	}
	return n, causes
}

// alarmsIn counts the alarms in a Maildir, and gives what else is there.
func alarmsIn(t testing.TB, dir string) (alarms int, mail sums) {
	t.Helper()
	mail = arrived(t, dir)
	files, err := filepath.Glob(filepath.Join(dir, "new", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte("\nSubject: [popsync]")) || bytes.HasPrefix(b, []byte("Subject: [popsync]")) {
			alarms++
			delete(mail, sha256.Sum256(b))
		}
	}
	return alarms, mail
}

// within is how often something may happen in a time when it waits so long in between.
func within(d, least time.Duration) int { return 1 + int(d/least) }
