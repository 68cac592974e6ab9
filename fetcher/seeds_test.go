package fetcher

import (
	"path/filepath"
	"testing"
)

// TestSeeds fails when a fuzz target lost its corpus: a pattern that matches nothing is no error to the fuzzer.
func TestSeeds(t *testing.T) {
	for _, target := range []string{"FuzzPass", "FuzzWire"} {
		if found, err := filepath.Glob(filepath.Join("testdata", "fuzz", target, "*")); err != nil || len(found) < 4 {
			t.Errorf("%s has %d seeds, %v", target, len(found), err)
		}
	}
}
