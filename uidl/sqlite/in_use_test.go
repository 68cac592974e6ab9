package sqlite_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/popsync/popsync/uidl"
	"github.com/popsync/popsync/uidl/sqlite"
)

// Who looks whether an account is in use learns it, creates nothing, and is in nobody's way.
func TestInUse(t *testing.T) {
	dir := t.TempDir()
	l, err := sqlite.Open(context.Background(), sqlite.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	look := func(want bool) {
		t.Helper()
		if used, err := l.InUse(t.Context(), "work"); used != want || err != nil {
			t.Errorf("in use: %v, %v, want %v", used, err, want)
		}
	}
	look(false)
	if _, err := os.Stat(filepath.Join(dir, "lease", "work.lock")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("to look made the lease's file (%v)", err)
	}
	a, err := l.Acquire(t.Context(), "work")
	if err != nil {
		t.Fatal(err)
	}
	look(true)
	if _, err := l.Acquire(t.Context(), "work"); !errors.Is(err, uidl.ErrBusy) {
		t.Errorf("a second holder: %v", err)
	}
	a.Close()
	look(false)
	if _, err := l.InUse(t.Context(), "../work"); err == nil {
		t.Error("a name that no account can have was taken")
	}
	// Many look all the time: whoever takes the lease gets it all the same.
	done := make(chan struct{})
	var looking sync.WaitGroup
	for range 4 {
		looking.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					_, _ = l.InUse(context.Background(), "work")
				}
			}
		})
	}
	for range 200 {
		a, err := l.Acquire(t.Context(), "work")
		if err != nil {
			t.Error(err)
			break
		}
		a.Close()
	}
	close(done)
	looking.Wait()
}
