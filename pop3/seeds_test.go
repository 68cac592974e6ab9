package pop3

import (
	"path/filepath"
	"testing"
)

// TestSeeds fails when a fuzz target lost its corpus: a pattern that matches nothing is no error to the fuzzer.
func TestSeeds(t *testing.T) {
	for _, target := range []string{"FuzzDotReader", "FuzzListing", "FuzzUIDLine", "FuzzReply", "FuzzCapabilities", "FuzzCommand"} {
		if found, err := filepath.Glob(filepath.Join("testdata", "fuzz", target, "*")); err != nil || len(found) < 3 {
			t.Errorf("%s has %d seeds, %v", target, len(found), err)
		}
	}
}
