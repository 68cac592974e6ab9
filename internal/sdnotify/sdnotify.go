// Package sdnotify tells the service manager how the daemon is doing: sd_notify(3), a datagram for each change.
//
// Without a manager, or on another one than systemd, all of it does nothing. Errors are nobody's business: a manager that misses
// a message acts on its own timeouts. It starts and stops nothing.
package sdnotify

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/popsync/popsync/internal/foreign"
	"github.com/popsync/popsync/internal/words"
)

// Notifier is the way to the manager. Safe for concurrent use.
type Notifier struct {
	conn     net.Conn // nil without a manager
	watchdog time.Duration
	patience time.Duration // how long a manager that does not read may hold the daemon up
}

// New looks into the environment for the manager's socket and for the watchdog's time. Close it in the end.
func New(getenv func(string) string) *Notifier {
	n := &Notifier{patience: time.Second}
	socket := getenv("NOTIFY_SOCKET") // a path, or with @ in front an abstract name
	if socket == "" {
		return n
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		return n
	}
	n.conn = conn
	// The variables are inherited: the watchdog may be that of a parent.
	if pid := getenv("WATCHDOG_PID"); pid == "" || pid == strconv.Itoa(os.Getpid()) {
		if usec, err := strconv.ParseInt(getenv("WATCHDOG_USEC"), 10, 64); err == nil && usec > 0 {
			n.watchdog = time.Duration(usec) * time.Microsecond
		}
	}
	return n
}

// Ready tells that the daemon does its work, after the start and after Reloading.
func (n *Notifier) Ready() { n.send("READY=1") }

// Reloading tells that the configuration is read anew; Ready must follow, also when the old one stays.
func (n *Notifier) Reloading() {
	if usec := monotonicUsec(); usec > 0 { // Type=notify-reload (systemd 253) wants the time
		n.send(fmt.Sprintf("RELOADING=1\nMONOTONIC_USEC=%d", usec))
	}
}

// Stopping tells that the daemon ends.
func (n *Notifier) Stopping() { n.send("STOPPING=1") }

// Status is one line that 'systemctl status' shows. It may be foreign text.
func (n *Notifier) Status(text string) { n.send("STATUS=" + foreign.ASCII(words.Clip(text))) }

// Alive feeds the watchdog. Only what proves that work goes on may call it, and at least every WatchdogEvery.
func (n *Notifier) Alive() {
	if n.watchdog > 0 {
		n.send("WATCHDOG=1")
	}
}

// WatchdogEvery is how often Alive must be called: half of what the manager waits, or 0 for never.
func (n *Notifier) WatchdogEvery() time.Duration { return n.watchdog / 2 }

// Close closes the socket; what is told later goes nowhere.
func (n *Notifier) Close() {
	if n.conn != nil {
		_ = n.conn.Close()
	}
}

func (n *Notifier) send(state string) {
	if n.conn == nil {
		return
	}
	_ = n.conn.SetWriteDeadline(time.Now().Add(n.patience))
	_, _ = n.conn.Write([]byte(state))
}
