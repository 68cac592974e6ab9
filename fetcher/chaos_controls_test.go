package fetcher

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/internal/overlay"
	"github.com/popsync/popsync/internal/overlay/switches"
	"github.com/popsync/popsync/uidl/uidltest"
)

// controlHistories is how many histories a control may take to be noticed.
const controlHistories = 6000

// controlledTests tells that this is the test program that has the controls in it.
const controlledTests = "POPSYNC_CONTROLLED_TESTS"

// TestChaosControls puts each old conclusion back, and the random histories must find that a promise is broken by it. The
// conclusions are in testdata/controls, and come into a test program of their own. Kept in memory, the ledger is no part of
// what is tried.
func TestChaosControls(t *testing.T) {
	switch {
	case os.Getenv(controlledTests) != "":
		playControls(t)
	case os.Getenv("POPSYNC_LARGE") == "":
		t.Skip("NOT TESTED here: CI does it")
	default:
		runControlled(t)
	}
}

// runControlled runs this test again, and of its parts those that were asked for, with the controls in the program.
func runControlled(t *testing.T) {
	dir := t.TempDir()
	o, err := overlay.Make(dir)
	if err != nil {
		t.Fatal(err)
	}
	flags, err := o.Flags("")
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(dir, "fetcher.test")
	build := exec.Command("go", append([]string{"test", "-c", "-o", bin}, append(flags, ".")...)...)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go test -c: %v\n%s", err, out)
	}
	only := "^" + t.Name() + "$"
	if _, parts, ok := strings.Cut(flag.Lookup("test.run").Value.String(), "/"); ok {
		only += "/" + parts
	}
	timeout := time.Duration(0)
	if at, ok := t.Deadline(); ok {
		timeout = time.Until(at)
	}
	cmd := exec.CommandContext(t.Context(), bin, "-test.run="+only, "-test.v", fmt.Sprint("-test.timeout=", timeout))
	cmd.Env = append(os.Environ(), controlledTests+"=1")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("with the controls in the program: %v", err)
	}
}

func playControls(t *testing.T) {
	t.Setenv(switches.Env, overlay.None)
	dir := inMemory(t)
	play := func(t *testing.T, name string, seed uint64) (said string) {
		root := filepath.Join(dir, fmt.Sprint(name, seed))
		if err := os.Mkdir(root, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Setenv(switches.Env, name); err != nil {
			t.Fatal(err)
		}
		history(t, root, uidltest.NewMemory(), seeded(seed), func(format string, args ...any) {
			if said == "" {
				said = fmt.Sprintf(format, args...)
			}
		})
		if err := os.RemoveAll(root); err != nil {
			t.Fatal(err)
		}
		return said
	}
	files, err := filepath.Glob("testdata/controls/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no controls in testdata/controls: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(controlHistories) {
				said := play(t, name, seed)
				if said == "" || wrong(t, play, seed) || play(t, name, seed) == "" {
					continue
				}
				t.Logf("noticed after %d histories: %.300s", seed+1, strings.TrimSpace(said))
				return
			}
			t.Errorf("not noticed in %d histories", controlHistories)
		})
	}
}

// wrong tells whether a history goes wrong without a control too, which shows nothing. Goroutines have their own order in
// each run.
func wrong(t *testing.T, play func(*testing.T, string, uint64) string, seed uint64) bool {
	for range 3 {
		if play(t, overlay.None, seed) != "" {
			return true
		}
	}
	return false
}
