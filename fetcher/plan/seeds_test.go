package plan

import (
	"path/filepath"
	"testing"
)

// TestSeeds fails when a fuzz target lost its corpus: a pattern that matches nothing is no error to the fuzzer.
func TestSeeds(t *testing.T) {
	if found, err := filepath.Glob(filepath.Join("testdata", "fuzz", "FuzzPlan", "*")); err != nil || len(found) < 4 {
		t.Errorf("FuzzPlan has %d seeds, %v", len(found), err)
	}
}
