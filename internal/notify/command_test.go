package notify

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// script writes a shell script and gives a Command that runs it with the path of a file for its output.
func script(t *testing.T, text string) (c *Command, out string) {
	t.Helper()
	dir := t.TempDir()
	for p := dir; p != "/" && p != os.TempDir(); p = filepath.Dir(p) { // whatever the umask is
		must(t, os.Chmod(p, 0o755))
	}
	path := filepath.Join(dir, "hook")
	must(t, os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o700))
	out = filepath.Join(dir, "out")
	c, err := NewCommand([]string{path, out, "a b", "$HOME;"})
	must(t, err)
	return c, out
}

func TestCommand(t *testing.T) {
	t.Setenv("POPSYNC_PASSWORD", "hunter2")
	t.Setenv("TZ", "Europe/Vienna")
	n := notices()["person"]
	c, out := script(t, `{ pwd; printf '%s|' "$@"; echo; env; } >"$1"; cat >"$1.text"`)
	must(t, c.Send(context.Background(), n))
	text, err := os.ReadFile(out + ".text")
	must(t, err)
	if string(text) != n.Text() {
		t.Errorf("it read %q", text)
	}
	b, err := os.ReadFile(out)
	must(t, err)
	lines := strings.Split(string(b), "\n")
	if lines[0] != "/" || lines[1] != out+"|a b|$HOME;|" || strings.Contains(string(b), "hunter2") {
		t.Errorf("%q", lines)
	}
	for _, want := range []string{
		"POPSYNC_ID=abcdefghijklmnopqrstuvwxyz-trouble", "POPSYNC_ACCOUNT=work", "POPSYNC_KIND=trouble", "POPSYNC_CAUSE=login",
		"POPSYNC_SINCE=2026-03-14T09:15:00+01:00", "POPSYNC_WHAT=" + n.What, "POPSYNC_NEXT=" + n.Next,
		"POPSYNC_SUBJECT=[popsync] work: your help is needed (login)", "TZ=Europe/Vienna", "PATH=/usr/local/bin:/usr/bin:/bin",
	} {
		if !slices.Contains(lines, want) {
			t.Errorf("no %q in %q", want, lines)
		}
	}
}

func TestCommandFails(t *testing.T) {
	n := notices()["person"]
	for text, want := range map[string]string{
		`exit 0`:        "",
		`exec <&-`:      "",
		`exit 3`:        "exit status 3",
		`kill -TERM $$`: "signal: terminated",
		`printf 'no \033[1mway\nhere' >&2; exit 75`:         `exit status 75: no \x1b[1mway here`,
		`head -c 3000000 /dev/zero | tr '\0' x >&2; exit 1`: "exit status 1: " + strings.Repeat("x", maxLine-4) + " ...",
		`head -c 3000000 /dev/zero >&2`:                     "",
	} {
		c, _ := script(t, text)
		err := c.Send(context.Background(), n)
		if want == "" && err != nil || want != "" && (err == nil || err.Error() != c.args[0]+": "+want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	c, _ := script(t, "")
	for spoil, want := range map[string]func() error{
		"others can write to ": func() error { return os.Chmod(c.args[0], 0o722) },
		"not executable":       func() error { return os.Chmod(c.args[0], 0o600) },
		"exec format error": func() error {
			return errors.Join(os.WriteFile(c.args[0], []byte("x"), 0o700), os.Chmod(c.args[0], 0o700))
		},
		"no such file": func() error { return os.Remove(c.args[0]) },
		"not a file":   func() error { return errors.Join(os.Remove(c.args[0]), os.MkdirAll(c.args[0], 0o700)) },
		"others can write to /": func() error {
			return errors.Join(os.Remove(c.args[0]), os.Symlink("/bin/cat", c.args[0]), os.Chmod(filepath.Dir(c.args[0]), 0o777))
		},
	} {
		must(t, os.Chmod(filepath.Dir(c.args[0]), 0o755))
		must(t, os.RemoveAll(c.args[0]))
		must(t, os.WriteFile(c.args[0], []byte("#!/bin/sh\n"), 0o700))
		must(t, want())
		if err := c.Send(context.Background(), n); err == nil || !strings.Contains(err.Error(), spoil) || strings.Count(err.Error(), c.args[0]+":") != 1 {
			t.Errorf("%s: %v", spoil, err)
		}
	}
	for _, args := range [][]string{nil, {}, {""}, {"cat"}, {"./cat"}, {"/bin/cat", "a\x00b"}} {
		if _, err := NewCommand(args); err == nil {
			t.Errorf("%q was taken", args)
		}
	}
}

// A program that hangs is ended with what it started; one that leaves something running is not.
func TestCommandHangs(t *testing.T) {
	hang := `trap '' TERM; (trap '' TERM; while :; do sleep 0.05; done) & echo hangs >&2; echo $$ $! >"$1"; while :; do sleep 0.05; done`
	for _, own := range []bool{true, false} { // its own time, or that of the context
		within := 250 * time.Millisecond
		var err error
		var b []byte
		for ; len(b) == 0 && within < time.Minute; within *= 2 { // until it has begun, which takes longer on a busy machine
			c, out := script(t, hang)
			ctx, cancel := context.Background(), func() {}
			if own {
				c.timeout = within
			} else {
				ctx, cancel = context.WithTimeout(ctx, within)
			}
			err = c.Send(ctx, notices()["person"])
			cancel()
			b, _ = os.ReadFile(out)
		}
		name := "context deadline exceeded"
		if own {
			name = fmt.Sprintf("no end within %v", within/2)
		}
		if err == nil || !strings.HasSuffix(err.Error(), name+": hangs") {
			t.Errorf("%s: %v", name, err)
		}
		for _, field := range strings.Fields(string(b)) {
			if !gone(t, field) {
				t.Errorf("%s: process %s goes on", name, field)
			}
		}
	}
	c, out := script(t, `sleep 600 & echo $! >"$1"`)
	c.drain = 50 * time.Millisecond
	must(t, c.Send(context.Background(), notices()["person"]))
	b, err := os.ReadFile(out)
	must(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	must(t, err)
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Errorf("it was ended: %v", err)
	}
}

// gone tells whether a process has ended, if nobody may have waited for it yet.
func gone(t *testing.T, pid string) bool {
	t.Helper()
	for range 6000 {
		b, err := os.ReadFile("/proc/" + pid + "/stat")
		if err != nil || strings.Contains(string(b), ") Z ") {
			return true
		}
		time.Sleep(10 * time.Millisecond) // the kernel is at it
	}
	return false
}
