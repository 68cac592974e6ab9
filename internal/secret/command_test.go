package secret

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// sh is only the test's way to write a program.
func sh(script string) Source { return Source{Command: []string{"/bin/sh", "-c", script}} }

func TestCommand(t *testing.T) {
	for _, tt := range []struct{ script, want, err string }{
		{"echo " + marker, marker, ""},
		{"printf " + marker, marker, ""},
		{"printf '" + marker + "\\r\\nuser: me\\nurl: x\\n'", marker, ""},
		{"cat; echo " + marker, marker, ""}, // standard input is empty
		{"echo " + marker + "; sleep 4 & exit 0", marker, ""},
		{"true", "", `password_command "/bin/sh": the secret is empty`},
		{"echo; echo " + marker, "", "the secret is empty"},
		{"printf 'a\\0b'", "", "holds a NUL"},
		{"printf 'a\\rb'", "", "more than one line"},
		{"echo " + marker + "; exit 3", "", "exit status 3"},
		{"echo " + marker + "; printf 'no \\033 key\\nmore\\n' >&2; exit 3", "", `exit status 3`},
		{"echo " + marker + "; echo 'got " + marker + "!' >&2; exit 3", "", `exit status 3`},
		{"kill -9 $$", "", "signal: killed"},
		{"yes " + marker, "", "printed more than 65536 bytes"},
	} {
		e := assert(t, sh(tt.script), tt.want, tt.err)
		if e != nil && strings.Contains(e.Error(), "more\n") {
			t.Errorf("more than a line: %v", e)
		}
	}
	assert(t, Source{Command: []string{"echo", marker + " $HOME;x"}}, marker+" $HOME;x", "") // no shell
	assert(t, Source{Command: []string{"popsync-no-such-program", marker}}, "", "program not found")
	assert(t, Source{Command: []string{"/nonexistent/program", marker}}, "", "can't be run: no such file")
	assert(t, Source{Command: []string{write(t, "x", 0o600)}}, "", "can't be run: permission denied")
}

func TestCommandIsKilledWithItsGroup(t *testing.T) {
	pids := filepath.Join(t.TempDir(), "pids")
	argv := []string{"/bin/sh", "-c", "sleep 300 & echo $$ $! > '" + pids + ".tmp'; mv '" + pids + ".tmp' '" + pids + "'; wait"}
	var data []byte
	for within := time.Second; data == nil && within < time.Minute; within *= 2 { // until it has begun: the machine may be busy
		began := time.Now()
		_, _, err := outputWithin(t.Context(), argv, within, time.Minute)
		if err == nil || err.Error() != fmt.Sprintf("no answer within %v", within) || time.Since(began) > within+30*time.Second {
			t.Errorf("got %v after %v", err, time.Since(began))
		}
		data, _ = os.ReadFile(pids)
	}
	if data == nil {
		t.Fatal("it never began")
	}
	for _, f := range strings.Fields(string(data)) {
		pid, _ := strconv.Atoi(f)
		if !gone(pid) {
			t.Errorf("process %d lives on", pid)
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

// gone tells whether a process has ended, if need be after a moment; a zombie has.
func gone(pid int) bool {
	for range 6000 {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil && syscall.Kill(pid, 0) != nil || strings.Contains(string(stat), ") Z ") {
			return true
		}
		<-time.After(10 * time.Millisecond)
	}
	return false
}

func TestCommandEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	if _, err := sh("sleep 300").Get(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
