//go:build !profile

package profile

import (
	"os"
	"testing"
)

// The program that people run writes no profile, whatever the environment says.
func TestNoProfile(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("POPSYNC_PROFILE", dir)
	Begin()()
	if files, err := os.ReadDir(dir); err != nil || len(files) > 0 {
		t.Errorf("%v, %v", files, err)
	}
}
