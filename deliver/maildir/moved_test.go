package maildir_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/maildir"
)

// TestMovedMustBeTheSame: a remembered Maildir at another path is recognised by its id, and nothing else is adopted or made.
func TestMovedMustBeTheSame(t *testing.T) {
	ctx := context.Background()
	for name, make := range map[string]func(path string){
		"nothing":         func(string) {},
		"empty":           func(path string) { mkdirs(t, path, ".") },
		"without an id":   func(path string) { mkdirs(t, path, "cur", "new", "tmp") },
		"another Maildir": func(path string) { identify(t, open(t, path), "") },
		"a damaged id": func(path string) {
			mkdirs(t, path, "cur", "new", "tmp")
			must(t, os.WriteFile(filepath.Join(path, "popsync.id"), []byte("x"), 0o600))
		},
		"only the id": func(path string) {
			mkdirs(t, path, ".")
			id, err := os.ReadFile(filepath.Join(filepath.Dir(path), "old", "popsync.id"))
			must(t, err)
			must(t, os.WriteFile(filepath.Join(path, "popsync.id"), id, 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			top := t.TempDir()
			known := identify(t, open(t, filepath.Join(top, "old")), "")
			path := filepath.Join(top, "new")
			make(path)
			before := snapshot(t, top)
			m := open(t, path)
			_, err := m.Identify(ctx, known)
			if e := refuses(t, err, "not the Maildir popsync knows"); !e.Permanent || !strings.Contains(e.Hint, "--adopt") {
				t.Errorf("not permanent or without a way out: %v", err)
			}
			refuses(t, m.Check(ctx, known), "not the Maildir popsync knows")
			if after := snapshot(t, top); after != before {
				t.Errorf("the place was changed from\n%sto\n%s", before, after)
			}
			if _, err := m.Create(ctx, deliver.Message{}); err == nil {
				t.Error("Create works")
			}
		})
	}
}

// TestMovedWithoutItsStagedFiles: that a young file is gone says nothing where somebody may have left it behind.
func TestMovedWithoutItsStagedFiles(t *testing.T) {
	top := t.TempDir()
	old, path := filepath.Join(top, "old"), filepath.Join(top, "new")
	m := identified(t, old)
	known := identify(t, m, "")
	first, lost, visible := stage(t, m, "one\r\n"), stage(t, m, "two\r\n"), stage(t, m, "three\r\n")
	publish(t, m, visible)
	must(t, os.Rename(old, path))
	must(t, os.RemoveAll(filepath.Join(path, "tmp")))
	mkdirs(t, path, "tmp")
	m = open(t, path)
	identify(t, m, known)
	if err := m.Publish(context.Background(), []deliver.Ticket{lost})[0]; !errors.Is(err, deliver.ErrUnknown) {
		t.Errorf("a young one: %v", err)
	}
	errs := m.Publish(context.Background(), []deliver.Ticket{first, visible})
	if !errors.Is(errs[0], deliver.ErrInferred) || errs[1] != nil {
		t.Errorf("one before another that is visible: %v", errs)
	}
}

// TestInspectMoved: tickets of the old path are looked for here, as long as the Maildir is not there any more.
func TestInspectMoved(t *testing.T) {
	ctx := context.Background()
	top := t.TempDir()
	old, path := filepath.Join(top, "old"), filepath.Join(top, "new")
	m := identified(t, old)
	known := identify(t, m, "")
	tickets := []deliver.Ticket{stage(t, m, "one\r\n"), stage(t, m, "two\r\n")}
	publish(t, m, tickets[0])
	must(t, os.Rename(old, path))
	at, _, err := open(t, path).Inspect(ctx, known, tickets)
	if want := []maildir.Whereabouts{maildir.Visible, maildir.Waiting}; err != nil || !slices.Equal(at, want) {
		t.Errorf("%v, %v, want %v", at, err, want)
	}
	must(t, os.CopyFS(old, os.DirFS(path))) // cp -a: the tickets are of the first one
	at, _, err = open(t, path).Inspect(ctx, known, tickets)
	if want := []maildir.Whereabouts{maildir.Elsewhere, maildir.Elsewhere}; err != nil || !slices.Equal(at, want) {
		t.Errorf("copied: %v, %v, want %v", at, err, want)
	}
}
