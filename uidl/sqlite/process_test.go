package sqlite_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/popsync/popsync/uidl"
	"github.com/popsync/popsync/uidl/sqlite"
)

const childEnv = "UIDL_TEST_CHILD"

// TestMain turns the test binary into the other process: it opens the ledger in a directory, acquires an account,
// notes what it reads, commits a row, and holds on until its input ends.
func TestMain(m *testing.M) {
	if arg := os.Getenv(childEnv); arg != "" {
		dir, account, _ := strings.Cut(arg, "|")
		if err := child(dir, account); err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func child(dir, account string) error {
	ctx, stop := testContext()
	defer stop()
	l, err := sqlite.Open(ctx, sqlite.Options{Dir: dir})
	if err != nil {
		return err
	}
	a, err := l.Acquire(ctx, account)
	if err != nil {
		return err
	}
	k := uidl.Key{UID: "from " + account, Dup: 1}
	err = a.Commit(ctx, uidl.Change{At: 1, Put: []uidl.Message{{Row: uidl.Row{Key: k, State: uidl.Wanted}}}})
	if err != nil {
		return err
	}
	if err := a.Reading(k); err != nil {
		return err
	}
	fmt.Println("held")
	bufio.NewReader(os.Stdin).ReadString('\n')
	return errors.Join(a.Close(), l.Close())
}

// startChild waits until the child holds its account, or died; it returns the child's line.
func startChild(t *testing.T, dir, account string) (line string, kill, end func()) {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), childEnv+"="+dir+"|"+account)
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	line, _ = bufio.NewReader(out).ReadString('\n')
	kill = func() { c.Process.Signal(syscall.SIGKILL); c.Wait() }
	end = func() { in.Close(); c.Wait() }
	return strings.TrimSpace(line), kill, end
}

func TestOtherProcess(t *testing.T) {
	dir := t.TempDir()
	l := openLedger(t, dir)
	defer l.Close()
	line, kill, _ := startChild(t, dir, "work")
	defer kill()
	if line != "held" {
		t.Fatalf("child: %s", line)
	}
	if a, err := l.Acquire(t.Context(), "work"); !errors.Is(err, uidl.ErrBusy) {
		t.Fatalf("Acquire while another process holds the account: %v %v", a, err)
	}
	if line, _, end := startChild(t, dir, "work"); !strings.Contains(line, uidl.ErrBusy.Error()) {
		t.Errorf("a second child: %s", line)
		end()
	} else {
		end()
	}
	kill()
	a, err := l.Acquire(t.Context(), "work")
	if err != nil {
		t.Fatalf("Acquire after kill -9: %v", err)
	}
	defer a.Close()
	want := uidl.Key{UID: "from work", Dup: 1}
	if k, ok := a.Interrupted(); !ok || k != want {
		t.Errorf("Interrupted: %v %v, want %v", k, ok, want)
	}
	if a.Info().Epoch != 2 {
		t.Errorf("epoch %d, want 2", a.Info().Epoch)
	}
	if m, err := a.Find(t.Context(), []uidl.Key{want}); err != nil || len(m) != 1 {
		t.Errorf("what the killed process committed: %v %v", m, err)
	}
}

func TestCreatedByManyAtOnce(t *testing.T) {
	for round := range 2 {
		dir := t.TempDir() + "/state"
		var wg sync.WaitGroup
		for i := range 6 {
			wg.Go(func() {
				if line, _, end := startChild(t, dir, fmt.Sprint("a", i)); line != "held" {
					t.Errorf("round %d, process %d: %s", round, i, line)
					end()
				} else {
					end()
				}
			})
			wg.Go(func() {
				l, err := sqlite.Open(t.Context(), sqlite.Options{Dir: dir})
				if err != nil {
					t.Errorf("round %d: %v", round, err)
					return
				}
				l.Close()
			})
		}
		wg.Wait()
		l := openLedger(t, dir)
		all, err := l.Summaries(t.Context())
		if err != nil || len(all) != 6 {
			t.Errorf("round %d: %d accounts, want 6: %v", round, len(all), err)
		}
		for _, s := range all {
			if s.Wanted != 1 {
				t.Errorf("round %d: account %s has %d rows, want 1", round, s.Name, s.Wanted)
			}
		}
		l.Close()
	}
}
