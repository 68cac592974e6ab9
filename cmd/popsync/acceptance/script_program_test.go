package acceptance_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"sync"
	"testing"
)

var scripts struct {
	sync.Mutex
	program string
}

// asTested builds the program that scripts run as these tests are built, so that the race detector sees it too, and returns
// its path. Nothing else is in its folder.
func asTested(t testing.TB) string {
	t.Helper()
	scripts.Lock()
	defer scripts.Unlock()
	if scripts.program != "" {
		return scripts.program
	}
	path := filepath.Join(buildDir(t), "bin", "popsync")
	args := []string{"build", "-ldflags=-s -w", "-o", path}
	info, ok := debug.ReadBuildInfo()
	for i := 0; ok && i < len(info.Settings); i++ { // with other flags everything would be compiled a second time
		switch s := info.Settings[i]; s.Key {
		case "-race":
			args = append(args, "-race="+s.Value)
		case "-gcflags": // only the last one is kept; the first is the Makefile's CHECKPTR
			args = append(args, "-gcflags=modernc.org/...=-d=checkptr=0", "-gcflags="+s.Value)
		}
	}
	if out, err := exec.Command("go", append(args, "github.com/popsync/popsync/cmd/popsync")...).CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	scripts.program = path
	return path
}

// underRace tells whether the race detector watches.
func underRace() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// buildDir is the folder for what is built, which is removed once all tests ran.
func buildDir(t testing.TB) string {
	t.Helper()
	built.Lock()
	defer built.Unlock()
	if built.dir == "" {
		dir, err := os.MkdirTemp("", "popsync-built-")
		if err != nil {
			t.Fatal(err)
		}
		built.dir, built.names = dir, map[string]string{}
	}
	return built.dir
}
