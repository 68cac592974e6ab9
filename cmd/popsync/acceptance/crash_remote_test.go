//go:build linux && (amd64 || arm64)

package acceptance_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/internal/crash"
)

// remoteSteps are those that every sweep with a remote destination must hit.
var remoteSteps = []string{stepSpooling, stepSpool, stepSpooled, stepMark, stepSent, stepDropped, stepRename}

func remoteScenarios() []crashScenario {
	keep, remove := append(slices.Clone(remoteSteps), stepQuit), append(slices.Clone(remoteSteps), stepDele, stepDeleted)
	send := []string{stepSend} // to a mail server; what a program is given looks like a file of the spool
	interrupted := func(kind, name string, stop crashStop) crashScenario {
		return crashScenario{name: kind + ", recovery, " + name, remote: kind, policy: "after-delivery", batch: 2,
			before: []crashStop{stop}, must: []string{stepMark, stepSent, stepDropped, stepDele}}
	}
	return []crashScenario{
		{name: "smtp, keep", remote: "smtp", policy: "never", batch: 2, must: slices.Concat(send, keep)},
		{name: "smtp, delete", remote: "smtp", policy: "after-delivery", batch: 2, must: slices.Concat(send, remove)},
		interrupted("smtp", "killed at the second send", crashStop{stepSend, "", 5}),
		interrupted("smtp", "killed at the first mark", crashStop{stepMark, "", 1}),
		interrupted("smtp", "killed at the second discard", crashStop{stepDropped, "", 3}),
		{name: "command, keep", remote: "command", policy: "never", batch: 2, must: keep},
		{name: "command, delete", remote: "command", policy: "after-delivery", batch: 2, must: remove},
		interrupted("command", "killed at the second mark", crashStop{stepMark, "", 2}),
	}
}

// Maildir and a mail server, or a program, beside each other: after a kill at any call the Maildir has each message
// exactly once, the other at least once and at most one more for each kill, nothing was deleted before both had it, and
// nothing is left in the spool.
func TestCrashRemote(t *testing.T) {
	for _, sc := range remoteScenarios() {
		if !everyPoint() {
			if sc.name != "smtp, delete" && sc.name != "command, keep" {
				continue
			}
			sc.stride, sc.must, sc.plain = 2*sampled, nil, 1
		}
		t.Run(sc.name, func(t *testing.T) {
			y := sc.sweep(t)
			report(t, y)
			t.Logf("%d copies beyond the first at the remote destination", y.again)
		})
	}
}

// sending tells what goes to a mail server from what goes to the POP3 server; QUIT could be either.
func sending(head []byte) bool {
	verb := string(bytes.TrimSpace(head[:min(len(head), 4)]))
	return len(head) > 0 && !slices.Contains([]string{"CAPA", "AUTH", "USER", "PASS", "STLS", "UIDL", "LIST", "RETR", "TOP", "DELE",
		"NOOP", "RSET", "QUIT"}, verb)
}

// spool is for calls in a remote destination's staging place.
func (s *stepper) spool(c crash.Call) string {
	dir := strings.Count(strings.TrimPrefix(c.Path, s.state), "/") < 2 // not a file of state/spool/FOLDER
	switch {
	case c.Name == "rename":
		return s.now(stepMark)
	case c.Name == "unlink":
		return s.now(stepDropped)
	case c.Name == "mkdir", dir && !s.connected:
		return stepSpooling
	case strings.HasSuffix(c.Name, "sync"), c.Name == "syncfs":
		s.last = stepBarrier
		return stepSpooled
	}
	return stepSpool
}

// remotePlace is where the remote destination of a crashWorld puts what it is given.
type remotePlace interface {
	arrived() sums
	stop()
}

// openRemote adds a remote destination to the configuration of the one account.
func (w *crashWorld) openRemote(kind string) error {
	user := w.users[0]
	switch kind {
	case "smtp":
		s := &sink{t: w.t, addr: "127.0.0.1:0", seen: map[string]int{}}
		if err := s.listen(); err != nil {
			return err
		}
		w.remote = s
		w.relay(user, s, `name = "remote"`)
	case "command":
		d := drop(filepath.Join(w.dir, "drop"))
		w.remote = d
		w.deliver(user, `type = "command"`, `name = "remote"`, fmt.Sprintf("command = [%q]", d.program()), "trace = false")
		w.env = append(w.env, stay+"="+w.bin)
		w.bin = os.Args[0]
		return d.install()
	}
	return nil
}

func (w *crashWorld) closeRemote() {
	if w.remote != nil {
		w.remote.stop()
	}
}

// deletedRemote is asked at each DELE: both destinations have the message.
func (w *crashWorld) deletedRemote(uid string) {
	if w.remote == nil {
		return
	}
	for _, m := range w.server.Messages(w.users[0]) {
		if m.UID != uid {
			continue
		}
		here, _ := w.mailbox()
		there := w.remote.arrived()
		for k := range wanted(m.Data) {
			if here[k] == 0 || there[k] == 0 {
				w.wrong("DELE of %s, of which the Maildir has %d and the remote destination %d", uid, here[k], there[k])
			}
		}
	}
}

// checkRemote is for after a run that completed: how many copies beyond the first there are.
func (w *crashWorld) checkRemote() (again int) {
	if w.remote == nil {
		return 0
	}
	lost, again := differ(w.all, w.remote.arrived())
	if lost > 0 || again > w.kills {
		w.wrong("the remote destination lacks %d messages and has %d copies after %d kills", lost, again, w.kills)
	}
	folders, err := os.ReadDir(filepath.Join(w.state(), "spool"))
	if err != nil || len(folders) == 0 {
		w.wrong("no spool: %v %v", folders, err)
	}
	for _, f := range folders {
		if waiting, err := os.ReadDir(filepath.Join(w.state(), "spool", f.Name())); err != nil || len(waiting) > 0 {
			w.wrong("left in the spool: %v %v", waiting, err)
		}
	}
	return again
}

// drop is a directory into which a program puts each message as a file, named by delivery id and process.
type drop string

func (d drop) program() string { return string(d) + ".sh" }

func (d drop) install() error {
	const script = "#!/bin/sh\nset -e\nf=$POPSYNC_DELIVERY_ID.$$\ncat >'%[1]s'/tmp/$f\nmv '%[1]s'/tmp/$f '%[1]s'/new/$f\n"
	return errors.Join(os.MkdirAll(filepath.Join(string(d), "tmp"), 0o700), os.Mkdir(filepath.Join(string(d), "new"), 0o700),
		os.WriteFile(d.program(), fmt.Appendf(nil, script, string(d)), 0o700))
}

func (d drop) stop() {}

func (d drop) arrived() sums {
	all := sums{}
	files, _ := filepath.Glob(filepath.Join(string(d), "new", "*"))
	for _, f := range files {
		if b, err := os.ReadFile(f); err == nil { // what cannot be read is missed
			all[sha256.Sum256(b)]++
		}
	}
	return all
}

// stay makes this test binary turn into the program that it names, after it saw to it that all that this one starts stays
// in its process group: the driver waits for the group, and a program that had left it would wait for the driver.
const stay = "POPSYNC_CRASH_STAY"

func init() {
	path, ok := os.LookupEnv(stay)
	if !ok {
		return
	}
	runtime.LockOSThread() // the filter is the thread's
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}, // number of the call
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_SETPGID, Jt: 0, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO}, // 0: it seems to succeed
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	err := os.Unsetenv(stay)
	if err == nil {
		err = unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	}
	if err == nil {
		err = unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)), 0, 0)
	}
	if err == nil {
		err = syscall.Exec(path, os.Args, os.Environ())
	}
	fmt.Fprintln(os.Stderr, stay+":", err)
	os.Exit(127)
}
