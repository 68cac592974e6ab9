//go:build linux && (amd64 || arm64)

package crash_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/popsync/popsync/internal/crash"
)

// TestMain makes this binary the program that is traced.
func TestMain(m *testing.M) {
	if dir := os.Getenv("POPSYNC_CRASH_DUMMY"); dir != "" {
		dummy(dir)
	}
	os.Exit(m.Run())
}

// dummy writes five files, each from a goroutine of its own, one after another; exit code 3 when a sync fails.
func dummy(dir string) {
	for i := range 5 {
		var wg sync.WaitGroup
		wg.Go(func() {
			f, err := os.Create(filepath.Join(dir, fmt.Sprint(i)))
			if err != nil {
				panic(err)
			}
			f.WriteString("text")
			if f.Sync() != nil {
				os.Exit(3)
			}
			os.Rename(f.Name(), f.Name()+".done")
		})
		wg.Wait()
	}
	os.Exit(0)
}

func trace(t *testing.T, dir string, decide crash.Decide) crash.Result {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "POPSYNC_CRASH_DUMMY="+dir)
	r, err := crash.Run(t.Context(), cmd, decide)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// files shows a directory: the name and size of each file.
func files(t *testing.T, dir string) (all string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		fi, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		all += fmt.Sprintf("%s=%d ", e.Name(), fi.Size())
	}
	return all
}

// below tells whether a call is about a file in dir.
func below(c crash.Call, dir string) bool { return strings.HasPrefix(c.Path, dir) }

func TestEveryCallIsSeen(t *testing.T) {
	dir := t.TempDir()
	var got []string
	r := trace(t, dir, func(c crash.Call) crash.Action {
		if below(c, dir) {
			got = append(got, strings.ReplaceAll(c.String(), dir+"/", ""))
		}
		return crash.Proceed
	})
	if r.Killed || r.Code != 0 {
		t.Errorf("ended with %+v", r)
	}
	var want []string
	for i := range 5 {
		want = append(want, fmt.Sprintf("openat %d", i), fmt.Sprintf("write %d (4 octets)", i), fmt.Sprintf("fsync %d", i),
			fmt.Sprintf("rename %d -> %[1]d.done", i))
	}
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("calls:\n%s\nwant:\n%s", g, w)
	}
}

// The call before which the program is killed is not carried out, and all before it are.
func TestKillBeforeEachCall(t *testing.T) {
	for n := 1; ; n++ {
		dir := t.TempDir()
		seen := 0
		r := trace(t, dir, func(c crash.Call) crash.Action {
			if !below(c, dir) {
				return crash.Proceed
			}
			if seen++; seen == n {
				return crash.Kill
			}
			return crash.Proceed
		})
		var want string
		done, step := (n-1)/4, (n-1)%4
		for i := range min(done, 5) {
			want += fmt.Sprintf("%d.done=4 ", i)
		}
		if step > 0 {
			want += fmt.Sprintf("%d=%d ", done, []int{0, 0, 4, 4}[step])
		}
		if got := files(t, dir); got != want {
			t.Errorf("killed before call %d: %s, want %s", n, got, want)
		}
		if n > 20 {
			if r.Killed || r.Code != 0 {
				t.Errorf("call %d does not exist: %+v", n, r)
			}
			return
		}
		if !r.Killed || r.Code != -1 {
			t.Errorf("killed before call %d: %+v", n, r)
		}
	}
}

func TestCallFails(t *testing.T) {
	dir := t.TempDir()
	syncs := 0
	r := trace(t, dir, func(c crash.Call) crash.Action {
		if c.Name == "fsync" && below(c, dir) {
			if syncs++; syncs == 2 {
				return crash.Fail
			}
		}
		return crash.Proceed
	})
	if r.Killed || r.Code != 3 {
		t.Errorf("ended with %+v", r)
	}
	if got, want := files(t, dir), "0.done=4 1=4 "; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.Command("sleep", "1000")
	cancel()
	if _, err := crash.Run(ctx, cmd, func(crash.Call) crash.Action { return crash.Proceed }); err == nil {
		t.Error("no error")
	}
}

func TestProgramThatIsNotThere(t *testing.T) {
	if _, err := crash.Run(t.Context(), exec.Command("/nowhere/at/all"), nil); err == nil {
		t.Error("no error")
	}
}
