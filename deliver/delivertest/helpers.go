package delivertest

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/popsync/popsync/deliver"
)

// Must fails a test at once because of an error.
func Must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Snapshot describes all that is below a directory, so that a change can be noticed.
func Snapshot(t testing.TB, path string) string {
	t.Helper()
	var b strings.Builder
	Must(t, filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		fmt.Fprintln(&b, p, info.Mode(), info.Size(), info.ModTime())
		return err
	}))
	return b.String()
}

// Refuses makes sure that an error is about the whole target, says what it should and gives a hint.
func Refuses(t testing.TB, err error, text string) *deliver.Error {
	t.Helper()
	var e *deliver.Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %v, want one that says %q", err, text)
	}
	if e.Scope != deliver.WholeTarget || e.Hint == "" || !strings.Contains(err.Error(), text) {
		t.Errorf("error is %v (scope %d), want a hint, the whole target and %q", err, e.Scope, text)
	}
	return e
}
