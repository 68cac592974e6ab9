package acceptance_test

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/bench/mailgen"
	"github.com/popsync/popsync/pop3/pop3test"
)

// A password that is asked for on a terminal is used, and not shown while it is typed. (Scripts type ahead, which a
// terminal echoes before popsync can stop it.)
func TestAcceptPrompt(t *testing.T) {
	t.Parallel()
	master, slave := terminal(t)
	h := newHouse(t)
	messages := mailgen.Messages(1, 3, 300, 500)
	server, addr := serve(t, pop3test.Options{}, nil)
	server.AddUser("u", scriptPassword, boxOf(messages)...)
	h.account("asked", addr, "u", "", "Mail")
	conf := strings.Replace(h.conf.String(), "password = \"\"\n", "", 1)
	h.conf.Reset()
	h.conf.WriteString(conf)
	cmd := h.command("run")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	slave.Close()
	var screen strings.Builder
	buf, typed := make([]byte, 4096), false
	for {
		n, err := master.Read(buf)
		screen.Write(buf[:n])
		// The prompt must come after the echo is off, or this would be shown.
		if !typed && strings.Contains(screen.String(), "Password for u at 127.0.0.1 (account asked): ") {
			typed = true
			if _, err := master.WriteString(scriptPassword + "\n"); err != nil {
				t.Fatal(err)
			}
		}
		if err != nil {
			break // EIO: nobody has the terminal open any longer
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, screen.String())
	}
	if !typed || strings.Contains(screen.String(), scriptPassword) {
		t.Errorf("typed %v; the screen:\n%s", typed, screen.String())
	}
	same(t, wanted(messages...), arrived(t, h.mail("Mail")))
}

// terminal makes a pseudo-terminal; its master is closed by the test.
func terminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil && os.Getenv("CI") == "" {
		t.Skipf("NOT TESTED: no terminals here: %v", err)
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close() })
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return master, slave
}

// Ctrl-C at the question for a password ends check at once, and says what was not looked at.
func TestCheckStopsAtThePrompt(t *testing.T) {
	t.Parallel()
	master, slave := terminal(t)
	h := newHouse(t)
	_, addr := serve(t, pop3test.Options{}, nil)
	h.account("asked", addr, "u", "", "Mail")
	conf := strings.Replace(h.conf.String(), "password = \"\"\n", "", 1)
	h.conf.Reset()
	h.conf.WriteString(conf)
	cmd := h.command("check")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	slave.Close()
	var screen strings.Builder
	var typed time.Time
	buf := make([]byte, 4096)
	for {
		n, err := master.Read(buf)
		screen.Write(buf[:n])
		if typed.IsZero() && strings.Contains(screen.String(), "(account asked): ") {
			typed = time.Now()
			if _, err := master.WriteString("\x03"); err != nil {
				t.Fatal(err)
			}
		}
		if err != nil {
			break // EIO: nobody has the terminal open any longer
		}
	}
	_ = cmd.Wait()
	took := time.Since(typed)
	if code := cmd.ProcessState.ExitCode(); code != 75 || took > inTime {
		t.Errorf("exit code %d after %v", code, took)
	}
	if !strings.Contains(screen.String(), "stopped; 1 account not looked at") || strings.Contains(screen.String(), "delivered") {
		t.Errorf("the screen:\n%s", screen.String())
	}
}
