//go:build peers

package peers

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/popsync/popsync/pop3/pop3test"
)

// nobody runs the programs when the test is run by root: some refuse to deliver as root.
const nobody = 65534

// patience is how long a run of a thousand small messages may take; what takes longer hangs.
const patience = 60 * time.Second

// base is where all homes are: searchable for nobody.
func base(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "popsync-peers-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// home is one person's directory with an empty Maildir, for one program and one trial.
type home struct {
	t   *testing.T
	dir string
}

func newHome(t *testing.T, base string) *home {
	t.Helper()
	dir, err := os.MkdirTemp(base, "home-")
	if err != nil {
		t.Fatal(err)
	}
	h := &home{t, dir}
	h.own("")
	for _, d := range []string{"Mail", "Mail/tmp", "Mail/new", "Mail/cur"} {
		if err := os.Mkdir(h.path(d), 0o700); err != nil {
			t.Fatal(err)
		}
		h.own(d)
	}
	return h
}

func (h *home) path(name string) string { return filepath.Join(h.dir, name) }
func (h *home) maildir() string         { return h.path("Mail") }
func (h *home) remove()                 { os.RemoveAll(h.dir) }

func (h *home) own(name string) {
	if os.Geteuid() == 0 {
		if err := os.Chown(h.path(name), nobody, nobody); err != nil {
			h.t.Fatal(err)
		}
	}
}

// start runs a program in a process group of its own.
func (h *home) start(p program, args []string) (*exec.Cmd, *bytes.Buffer) {
	h.t.Helper()
	var said bytes.Buffer
	cmd := exec.Command(p.bin, args...)
	cmd.Dir = h.dir
	cmd.Env = []string{"HOME=" + h.dir, "PATH=" + os.Getenv("PATH"), "LC_ALL=C", "USER=nobody", "LOGNAME=nobody"}
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = 2 * time.Second // of descendants that keep the output open
	if os.Geteuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	if err := cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	return cmd, &said
}

// outcome is how a run ended.
type outcome struct {
	code int // -1: by a signal
	hung bool
	said string
}

func (o outcome) fine(p program) bool {
	return !o.hung && (o.code == 0 || slices.Contains(p.fine, o.code))
}

func (o outcome) String() string {
	said := strings.TrimSpace(o.said)
	if n := len(said); n > 300 {
		said = "..." + said[n-300:]
	}
	if o.hung {
		return fmt.Sprintf("hung; it said %q", said)
	}
	return fmt.Sprintf("exit code %d; it said %q", o.code, said)
}

// finish waits for a program, and ends it and its descendants when it takes too long.
func finish(cmd *exec.Cmd, said *bytes.Buffer, within time.Duration) outcome {
	done := make(chan struct{})
	go func() {
		_ = cmd.Wait() // the state tells
		close(done)
	}()
	o := outcome{}
	select {
	case <-done:
	case <-time.After(within):
		o.hung = true
		_ = cmd.Process.Kill()
		<-done
	}
	// What it left behind: a delivery agent ends by itself, all else must not meddle with the next run.
	for range 20 {
		if err := syscall.Kill(-cmd.Process.Pid, 0); errors.Is(err, syscall.ESRCH) {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	o.code, o.said = cmd.ProcessState.ExitCode(), said.String()
	return o
}

// run makes one whole run.
func (h *home) run(p program, args []string, within time.Duration) outcome {
	h.t.Helper()
	cmd, said := h.start(p, args)
	return finish(cmd, said, within)
}

// files are the messages in new and cur.
func (h *home) files() (all [][]byte) {
	h.t.Helper()
	for _, sub := range []string{"new", "cur"} {
		entries, err := os.ReadDir(h.path("Mail/" + sub))
		if err != nil {
			h.t.Fatal(err)
		}
		for _, e := range entries {
			b, err := os.ReadFile(h.path("Mail/" + sub + "/" + e.Name()))
			if err != nil {
				h.t.Fatal(err)
			}
			all = append(all, b)
		}
	}
	return all
}

// serve starts a server with one mailbox on loopback.
func serve(t *testing.T, o pop3test.Options, box []pop3test.Message) (*pop3test.Server, int) {
	t.Helper()
	s := pop3test.NewServer(o)
	s.AddUser(user, password, box...)
	addr, err := s.Listen()
	if err != nil {
		t.Fatal(err)
	}
	return s, addr.Port
}
