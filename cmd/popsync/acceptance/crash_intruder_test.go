//go:build linux && (amd64 || arm64)

package acceptance_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/internal/crash"
)

// swap is what an intruder puts in the place of something of his.
type swap struct {
	name  string
	above bool   // of the folder that the call works in, instead of what it names
	only  string // of calls about such a path; "": about all
	put   func(w *intruderWorld, path, twin string) error
}

var swaps = []swap{
	{"link", false, "", func(w *intruderWorld, path, twin string) error { return os.Symlink(twin, path) }},
	{"hard link", false, "", func(w *intruderWorld, path, twin string) error {
		if info, err := os.Lstat(twin); err != nil || info.IsDir() {
			return err
		}
		return os.Link(twin, path)
	}},
	{"FIFO", false, "", func(w *intruderWorld, path, twin string) error { return unix.Mkfifo(path, 0o666) }},
	{"folder", false, "", func(w *intruderWorld, path, twin string) error { return os.Mkdir(path, 0o777) }},
	{"link for its folder", true, "", func(w *intruderWorld, path, twin string) error { return os.Symlink(twin, path) }},
	{"FIFO for its folder", true, "", func(w *intruderWorld, path, twin string) error { return unix.Mkfifo(path, 0o666) }},
	{"folder for its folder", true, "", func(w *intruderWorld, path, twin string) error { return os.Mkdir(path, 0o777) }},
}

// do makes the swap before the call c is carried out.
func (s *swap) do(w *intruderWorld, c crash.Call) error {
	path := c.Path
	if !below(path, w.home) {
		path = c.To
	}
	if s.above {
		if path = filepath.Dir(path); !below(path, w.home) {
			return nil // his home itself is root's to move
		}
	}
	twin, err := w.twin(path)
	if err == nil {
		err = w.seal()
	}
	if err == nil {
		err = os.Rename(path, path+".away")
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	err = s.put(w, path, twin)
	if errors.Is(err, os.ErrNotExist) { // not even its folder is there
		return nil
	}
	return err
}

// strike makes one run in which the n-th call meets the swap, and tells what of the victim's was touched. done: there is
// no such call.
func (s *swap) strike(t *testing.T, root, bin string, victim int, first bool, n int) (met string, done bool, err error) {
	w, err := newIntruderWorld(t, root, victim, first, bin)
	if err != nil {
		return "", false, err
	}
	defer w.close()
	seen := 0
	var at string
	var wrong error
	_, out, err := w.traced(func(c crash.Call) {
		if !strings.Contains(c.Path, s.only) {
			return
		}
		if seen++; seen == n {
			at = strings.ReplaceAll(c.String(), w.dir, "")
			wrong = s.do(w, c)
		}
	})
	if at == "" && err == nil {
		return "", true, nil
	}
	met = fmt.Sprintf("%s at call %d (%s)", s.name, n, at)
	if err = errors.Join(err, wrong); err != nil {
		return met, false, fmt.Errorf("%s: %w\n%s", met, err, out)
	}
	if touched := w.touched(); touched != "" {
		return met, false, fmt.Errorf("%s: %s\n%s", met, touched, out)
	}
	if strings.Contains(out, "the victim's secret") {
		return met, false, fmt.Errorf("%s: the secret was told\n%s", met, out)
	}
	return met, false, nil
}

// sweep strikes at every stride-th call of a run. It returns what went wrong, at most a few.
func sweepIntruder(t *testing.T, bin string, victim int, first bool, stride int, all []swap) (strikes int, wrong []error) {
	root := crashRoot(t)
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	slots := make(chan struct{}, 2)
	for i := range all {
		s := &all[i]
		wg.Go(func() {
			for n := 1 + i%stride; ; n += stride {
				slots <- struct{}{}
				_, done, err := s.strike(t, root, bin, victim, first, n)
				<-slots
				mu.Lock()
				if !done {
					strikes++
				}
				if err != nil {
					wrong = append(wrong, err)
				}
				enough := len(wrong) > 10
				mu.Unlock()
				if done || enough {
					return
				}
			}
		})
	}
	wg.Wait()
	return strikes, wrong
}

// intruderProgram is a popsync that every user may run.
func intruderProgram(t *testing.T, control string) string {
	t.Helper()
	b, err := os.ReadFile(program(t, control))
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "popsync-intruder-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	bin := filepath.Join(dir, "popsync")
	if err := errors.Join(os.Chmod(dir, 0o755), os.WriteFile(bin, b, 0o755), os.Chmod(bin, 0o755)); err != nil {
		t.Fatal(err)
	}
	return bin
}

func twoUsers(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("two users need root")
		}
		t.Skip("NOT TESTED: two users need root")
	}
}

// A build that goes by a path at one place is noticed.
func TestCrashIntruderControl(t *testing.T) {
	if !everyPoint() {
		t.Skip("NOT TESTED here: make test-crash does it, and CI has a step for that")
	}
	twoUsers(t)
	bin := intruderProgram(t, "mode-by-path")
	link := swaps[0]
	link.only = "/figures/"
	strikes, wrong := sweepIntruder(t, bin, 0, false, 1, []swap{link})
	if len(wrong) == 0 || !strings.Contains(errors.Join(wrong...).Error(), "figures/.p.prom") {
		t.Errorf("%d strikes, and nothing was noticed: %v", strikes, wrong)
	}
	t.Log(errors.Join(wrong...))
}

// Whoever may write where the Maildir, the log and the figures are swaps something in, before each system call that takes
// a path or a descriptor there: nothing of the victim's is read, written, truncated, removed or changed.
func TestCrashIntruder(t *testing.T) {
	twoUsers(t)
	bin := intruderProgram(t, "")
	for name, victim := range map[string]int{"root": 0, "another user": 54321} {
		for when, first := range map[string]bool{"first run": true, "later run": false} {
			t.Run(name+", "+when, func(t *testing.T) {
				stride := 1
				if !everyPoint() {
					stride = 23
				}
				strikes, wrong := sweepIntruder(t, bin, victim, first, stride, swaps)
				for _, err := range wrong {
					t.Error(err)
				}
				t.Logf("%d strikes", strikes)
				if strikes < 20 {
					t.Error("too few: does the sweep still see the calls?")
				}
			})
		}
	}
}
