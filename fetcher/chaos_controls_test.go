//go:build control

package fetcher

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/popsync/popsync/uidl/uidltest"
)

// controlHistories is how many histories a control may take to be noticed.
const controlHistories = 6000

// TestChaosControls puts each old conclusion back, and the random histories must find that a promise is broken by it. Kept
// in memory, the ledger is no part of what is tried.
func TestChaosControls(t *testing.T) {
	defer choose("")
	dir := inMemory(t)
	play := func(t *testing.T, name string, seed uint64) (said string) {
		root := filepath.Join(dir, fmt.Sprint(name, seed))
		if err := os.Mkdir(root, 0o700); err != nil {
			t.Fatal(err)
		}
		choose(name)
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
	for _, name := range slices.Sorted(maps.Keys(chaosControls)) {
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
		if play(t, "", seed) != "" {
			return true
		}
	}
	return false
}
