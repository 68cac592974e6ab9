package sasl

import (
	"path/filepath"
	"testing"
)

// TestSeeds fails when a fuzz target lost its corpus: a pattern that matches nothing is no error to the fuzzer.
func TestSeeds(t *testing.T) {
	if found, err := filepath.Glob(filepath.Join("testdata", "fuzz", "FuzzRun", "*")); err != nil || len(found) < 3 {
		t.Errorf("%d seeds, %v", len(found), err)
	}
}
