package program

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// sh is a job that is only the test's way to write a program. Its arguments are $1 and so on.
func sh(script string, args ...string) Job {
	return Job{Args: append([]string{"/bin/sh", "-c", script, "sh"}, args...), Timeout: time.Minute, Drain: 50 * time.Millisecond}
}

func run(t *testing.T, ctx context.Context, j Job) End {
	t.Helper()
	end, err := Run(ctx, j)
	if err != nil {
		t.Fatal(err)
	}
	return end
}

func TestEnds(t *testing.T) {
	for script, want := range map[string]End{
		"exit 0":     {},
		"exit 3":     {Code: 3},
		"kill -9 $$": {Code: -1, Signal: syscall.SIGKILL},
	} {
		end := run(t, t.Context(), sh(script))
		if text := end.Err; (text == nil) != (want.Code == 0) {
			t.Errorf("%s: %v", script, text)
		}
		if end.Err = nil; end != want {
			t.Errorf("%s: %+v", script, end)
		}
	}
	for _, args := range [][]string{{"/nonexistent/program"}, {t.TempDir()}} {
		if _, err := Run(t.Context(), Job{Args: args, Timeout: time.Minute}); err == nil {
			t.Errorf("%q was started", args)
		}
	}
}

func TestOutput(t *testing.T) {
	j := sh("cat; printf 0123456789; printf abc >&2")
	j.Stdout, j.Stderr = &Output{Head: 3, Tail: 2}, &Output{Head: 3}
	run(t, t.Context(), j) // standard input is empty
	if head, tail, lost := j.Stdout.Kept(); head != "012" || tail != "89" || !lost {
		t.Errorf("%q, %q, %v", head, tail, lost)
	}
	if head, tail, lost := j.Stderr.Kept(); head != "abc" || tail != "" || lost {
		t.Errorf("%q, %q, %v", head, tail, lost)
	}
	much := sh("trap '' PIPE; while echo x; do :; done 2>/dev/null; exit 5")
	much.Stdout = &Output{Head: 3, Refuse: errors.New("too much")}
	end := run(t, t.Context(), much)
	if head, _, lost := much.Stdout.Kept(); head != "x\nx" || !lost || end.Code != 5 {
		t.Errorf("%q, %v, %+v", head, lost, end)
	}
}

// stubborn is a program that ignores SIGTERM, whose child does too and holds the output open.
const stubborn = `trap '' TERM
(while :; do sleep 0.05; done) & echo $! >"$1.child"
echo $$ >"$1.new" && mv "$1.new" "$1"; while :; do sleep 0.05; done`

// It ends with all of its group, whoever stops it and however little it likes that.
func TestStopped(t *testing.T) {
	for name, grace := range map[string]time.Duration{"at once": 0, "with grace": 500 * time.Millisecond} {
		for _, late := range []bool{true, false} {
			out := filepath.Join(t.TempDir(), "pid")
			j := sh(stubborn, out)
			j.Stdout = &Output{}
			ctx, cancel := context.WithCancel(t.Context())
			if late {
				j.Timeout, j.Grace, j.Hurry = 500*time.Millisecond, grace, time.Hour
			} else {
				j.Grace, j.Hurry = time.Hour, grace
				go func() {
					defer cancel()
					for range 1000 {
						if _, err := os.Stat(out); err == nil {
							return
						}
						time.Sleep(10 * time.Millisecond)
					}
				}()
			}
			var group []int
			j.Running = func(g int) func() { group = append(group, g); return func() { group = append(group, -g) } }
			end := run(t, ctx, j)
			cancel()
			if end.Err == nil || end.Signal != syscall.SIGKILL || end.Alive || errors.Is(end.Stopped, context.Canceled) == late ||
				strings.Contains(end.Stopped.Error(), "no end within 500ms") != late {
				t.Errorf("%s, %v: %+v", name, late, end)
			}
			if len(group) != 2 || group[0] <= 0 || group[1] != -group[0] {
				t.Errorf("%s, %v: Running was told %v", name, late, group)
			}
			for _, f := range []string{out, out + ".child"} {
				if b, err := os.ReadFile(f); err != nil || !gone(strings.TrimSpace(string(b))) {
					t.Errorf("%s, %v: %s goes on, %v", name, late, f, err)
				}
			}
		}
	}
}

// gone tells whether a process has ended, if nobody may have waited for it yet.
func gone(pid string) bool {
	for range 200 {
		b, err := os.ReadFile("/proc/" + pid + "/stat")
		if err != nil || strings.Contains(string(b), ") Z ") {
			return true
		}
		time.Sleep(10 * time.Millisecond) // the kernel is at it
	}
	return false
}

func TestEnviron(t *testing.T) {
	t.Setenv("POPSYNC_SECRET", "x")
	t.Setenv("TZ", "Europe/Vienna")
	with := Environ()
	if err := os.Unsetenv("TZ"); err != nil {
		t.Fatal(err)
	}
	without := Environ()
	if !slices.Contains(with, "TZ=Europe/Vienna") || len(with) != 6 || len(without) != 5 || !slices.Contains(without, "PATH=/usr/local/bin:/usr/bin:/bin") {
		t.Errorf("%q, %q", with, without)
	}
}
