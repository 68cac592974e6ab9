package maildir

import (
	"path/filepath"
	"strconv"
	"sync"
	"testing"
)

// Accounts that start together may make one Maildir together: none may take the other's half-made one for a wrong place.
func TestIdentifyTogether(t *testing.T) {
	dir := t.TempDir()
	for round := range 300 {
		path := filepath.Join(dir, strconv.Itoa(round))
		var ids [3]string
		var errs [3]error
		var start, done sync.WaitGroup
		start.Add(1)
		for i := range ids {
			done.Go(func() {
				m := New(Options{Path: path})
				start.Wait()
				ids[i], errs[i] = m.Identify(t.Context(), "")
				m.Close()
			})
		}
		start.Done()
		done.Wait()
		for i := range ids {
			if errs[i] != nil || ids[i] != ids[0] {
				t.Fatalf("round %d: %v, %q and %q", round, errs[i], ids[i], ids[0])
			}
		}
	}
}
