//go:build peers

package peers

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

var heading sync.Once

// installed gives the programs that are there, popsync first.
func installed(t *testing.T) []program {
	t.Helper()
	var found []program
	for _, p := range programs() {
		if only := os.Getenv("POPSYNC_PEERS_ONLY"); only != "" && !strings.Contains(only, p.name) {
			continue
		}
		if p.find(t, "popsync") {
			found = append(found, p)
		}
	}
	heading.Do(func() {
		fmt.Printf("%s, %s/%s, %d processors", time.Now().UTC().Format(time.DateOnly), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
		for _, p := range found {
			if p.name != "popsync" {
				fmt.Printf("; %s %s (%s)", p.name, p.release(), p.note)
			}
		}
		fmt.Println()
	})
	return found
}

// place builds popsync where everybody may run it.
func (p *program) place(t *testing.T, dir string) {
	t.Helper()
	if p.name != "popsync" {
		return
	}
	p.bin = filepath.Join(dir, "popsync")
	if _, err := os.Stat(p.bin); err == nil {
		return
	}
	cmd := exec.Command("go", "build", "-o", p.bin, "../../cmd/popsync")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	if err := os.Chmod(p.bin, 0o755); err != nil {
		t.Fatal(err)
	}
}
