package sdnotify

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// manager is a socket as systemd's, and the environment that goes with it.
func manager(t *testing.T, name string) (*net.UnixConn, map[string]string) {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn, map[string]string{"NOTIFY_SOCKET": name}
}

func told(t *testing.T, conn *net.UnixConn) string {
	t.Helper()
	b := make([]byte, 4096)
	n, err := conn.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(b[:n])
}

func lookup(env map[string]string) func(string) string {
	return func(k string) string { return env[k] }
}

func TestNotifier(t *testing.T) {
	names := []string{filepath.Join(t.TempDir(), "notify")}
	if monotonicUsec() > 0 { // abstract names are Linux's
		names = append(names, fmt.Sprintf("@popsync-test-%d", os.Getpid()))
	}
	for _, name := range names {
		conn, env := manager(t, name)
		env["WATCHDOG_USEC"], env["WATCHDOG_PID"] = "180000000", strconv.Itoa(os.Getpid())
		n := New(lookup(env))
		if n.WatchdogEvery() != 90*time.Second {
			t.Errorf("Alive every %v", n.WatchdogEvery())
		}
		for _, tt := range []struct {
			tell func()
			want string
		}{
			{n.Ready, `READY=1`},
			{n.Reloading, `RELOADING=1\nMONOTONIC_USEC=[1-9]\d+`},
			{n.Alive, `WATCHDOG=1`},
			{func() { n.Status("3 accounts, next at 12:00") }, `STATUS=3 accounts, next at 12:00`},
			{func() { n.Status("bad\nREADY=1\x1b[m") }, `STATUS=bad\\x0aREADY=1\\x1b\[m`}, // no second assignment
			{n.Stopping, `STOPPING=1`},
		} {
			if monotonicUsec() == 0 && strings.HasPrefix(tt.want, "RELOADING") {
				continue
			}
			tt.tell()
			if got := told(t, conn); !regexp.MustCompile(`^` + tt.want + `$`).MatchString(got) {
				t.Errorf("got %q, want %s", got, tt.want)
			}
		}
		n.Close()
		n.Ready() // goes nowhere
		n.Close()
	}
}

func TestNotifierWithoutAManager(t *testing.T) {
	for _, env := range []map[string]string{
		{},
		{"WATCHDOG_USEC": "1000000"}, // left over from a parent
		{"NOTIFY_SOCKET": filepath.Join(t.TempDir(), "nobody"), "WATCHDOG_USEC": "1000000"},
	} {
		n := New(lookup(env))
		n.Ready()
		n.Reloading()
		n.Alive()
		n.Status("x")
		n.Stopping()
		if n.WatchdogEvery() != 0 {
			t.Errorf("%v: a watchdog without a manager", env)
		}
		n.Close()
	}
}

func TestNotifierWatchdog(t *testing.T) {
	conn, env := manager(t, filepath.Join(t.TempDir(), "notify"))
	for _, tt := range []struct {
		usec, pid string
		want      time.Duration
	}{
		{"", "", 0}, {"0", "", 0}, {"-5", "", 0}, {"soon", "", 0}, {"99999999999999999999", "", 0},
		{"1000000", "", 500 * time.Millisecond},
		{"1000000", "1", 0}, // somebody else's
	} {
		env["WATCHDOG_USEC"], env["WATCHDOG_PID"] = tt.usec, tt.pid
		n := New(lookup(env))
		if got := n.WatchdogEvery(); got != tt.want {
			t.Errorf("%q for %q: %v, want %v", tt.usec, tt.pid, got, tt.want)
		}
		n.Alive()
		n.Stopping() // so that there is something to read
		if got := told(t, conn); (got == "WATCHDOG=1") != (tt.want > 0) {
			t.Errorf("%q for %q: told %q", tt.usec, tt.pid, got)
		} else if tt.want > 0 {
			told(t, conn)
		}
		n.Close()
	}
}

// A manager that reads nothing does not stop the daemon: its socket fills up, and each message gives up.
func TestNotifierDoesNotHang(t *testing.T) {
	_, env := manager(t, filepath.Join(t.TempDir(), "notify"))
	n := New(lookup(env))
	defer n.Close()
	n.patience = time.Millisecond
	for range 2000 {
		n.Status(strings.Repeat("x", 1000))
	}
}
