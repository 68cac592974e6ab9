package maildir_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/maildir"
)

func mkdirs(t testing.TB, path string, names ...string) {
	t.Helper()
	for _, name := range names {
		must(t, os.MkdirAll(filepath.Join(path, name), 0o700))
	}
}

func entries(t testing.TB, path string) string {
	t.Helper()
	list, err := os.ReadDir(path)
	must(t, err)
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

const complete = "cur new popsync.id tmp"

func TestIdentifyAcceptsPlacesNeverMet(t *testing.T) {
	for name, make := range map[string]func(t *testing.T, path string){
		"missing":   func(t *testing.T, path string) {},
		"empty":     func(t *testing.T, path string) { mkdirs(t, path, ".") },
		"begun":     func(t *testing.T, path string) { mkdirs(t, path, "tmp", "new") },
		"a Maildir": func(t *testing.T, path string) { mkdirs(t, path, "tmp", "new", "cur") },
		"link to Maildir": func(t *testing.T, path string) {
			mkdirs(t, path+"2", "tmp", "new", "cur")
			must(t, os.Symlink(path+"2", path))
		},
		"with mail": func(t *testing.T, path string) {
			mkdirs(t, path, "tmp", "new", "cur")
			must(t, os.WriteFile(filepath.Join(path, "cur", "1.a.b:2,S"), []byte("old\n"), 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "mail")
			make(t, path)
			before := read(t, path, "cur")
			if err := open(t, path).Check(context.Background(), ""); err != nil {
				t.Errorf("Check: %v", err)
			}
			if _, err := os.Stat(filepath.Join(path, "popsync.id")); err == nil {
				t.Errorf("Check left an id")
			}
			id := identify(t, open(t, path), "")
			if got := entries(t, path); got != complete {
				t.Errorf("the Maildir has %s", got)
			}
			if after := read(t, path, "cur"); len(after) != len(before) {
				t.Errorf("mail changed")
			}
			again := open(t, path)
			if got := identify(t, again, id); got != id {
				t.Errorf("recognised as %q, want %q", got, id)
			}
			publish(t, again, stage(t, again, "x"))
			if err := again.Check(context.Background(), id); err != nil {
				t.Errorf("Check: %v", err)
			}
		})
	}
}

// A link or a file in the place of a folder of a known Maildir is said to be that: nothing is unmounted there, and no adoption
// would mend it.
func TestKnownMaildirWithALinkInside(t *testing.T) {
	for _, name := range []string{"tmp", "new", "cur"} {
		for kind, put := range map[string]func(path string) error{
			"is a symbolic link": func(path string) error { return os.Symlink(t.TempDir(), path) },
			"is not a directory": func(path string) error { return os.WriteFile(path, nil, 0o600) },
		} {
			path := filepath.Join(t.TempDir(), "mail")
			id := identify(t, open(t, path), "")
			inside := filepath.Join(path, name)
			must(t, os.Remove(inside))
			must(t, put(inside))
			m := open(t, path)
			for _, remembered := range []string{id, ""} {
				e := refuses(t, m.Check(context.Background(), remembered), name+" in it "+kind)
				if !e.Permanent || strings.Contains(e.Hint, "--adopt") || e.Hint == "" {
					t.Errorf("%s, %s: %+v", name, kind, e)
				}
				_, err := m.Identify(context.Background(), remembered)
				refuses(t, err, name+" in it "+kind)
			}
		}
	}
}

func TestIdentifyRefusesOtherPlaces(t *testing.T) {
	for name, test := range map[string]struct {
		make func(t *testing.T, path string)
		text string
	}{
		"file":           {func(t *testing.T, path string) { must(t, os.WriteFile(path, nil, 0o600)) }, "not a directory"},
		"missing parent": {func(t *testing.T, path string) { must(t, os.Remove(filepath.Dir(path))) }, "parent"},
		"parent is a file": {func(t *testing.T, path string) {
			must(t, os.Remove(filepath.Dir(path)))
			must(t, os.WriteFile(filepath.Dir(path), nil, 0o600))
		}, "parent is not a directory"},
		"other files": {func(t *testing.T, path string) { mkdirs(t, path, "a") }, "neither a Maildir"},
		"part of a Maildir": {func(t *testing.T, path string) {
			mkdirs(t, path, "cur")
			must(t, os.WriteFile(filepath.Join(path, "cur", "mail"), nil, 0o600))
		}, "neither a Maildir"},
		"dangling link": {func(t *testing.T, path string) { must(t, os.Symlink("nothing", path)) }, "leads nowhere"},
		"tmp is a link": {func(t *testing.T, path string) {
			mkdirs(t, path, "cur", "new")
			must(t, os.Symlink("/tmp", filepath.Join(path, "tmp")))
		}, "tmp in it is a symbolic link"},
		"empty id": {func(t *testing.T, path string) {
			mkdirs(t, path, "cur", "new", "tmp")
			must(t, os.WriteFile(filepath.Join(path, "popsync.id"), nil, 0o600))
		}, "popsync.id is damaged"},
		"id is a pipe": {func(t *testing.T, path string) {
			mkdirs(t, path, "cur", "new", "tmp")
			must(t, unix.Mkfifo(filepath.Join(path, "popsync.id"), 0o600))
		}, "popsync.id is damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "parent", "mail")
			mkdirs(t, filepath.Dir(path), ".")
			test.make(t, path)
			m := open(t, path)
			_, err := m.Identify(context.Background(), "")
			if e := refuses(t, err, test.text); !e.Permanent {
				t.Errorf("%v is not permanent", err)
			}
			refuses(t, m.Check(context.Background(), ""), test.text)
			if _, err := m.Create(context.Background(), deliver.Message{}); err == nil {
				t.Errorf("Create works")
			}
		})
	}
	_, err := open(t, "/"+strings.Repeat("\n", 300)).Identify(context.Background(), "")
	refuses(t, err, "too long")
	_, err = maildir.New(maildir.Options{}).Identify(context.Background(), "")
	refuses(t, err, "not a path")
}

// TestKnownPlaceIsNeverMade is about mount points: what was there and is not there now must not be made anew.
func TestKnownPlaceIsNeverMade(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, path string){
		"gone":        func(t *testing.T, path string) { must(t, os.Rename(path, path+"2")) },
		"empty":       func(t *testing.T, path string) { must(t, os.Rename(path, path+"2")); mkdirs(t, path, ".") },
		"no id":       func(t *testing.T, path string) { must(t, os.Remove(filepath.Join(path, "popsync.id"))) },
		"no new":      func(t *testing.T, path string) { must(t, os.Remove(filepath.Join(path, "new"))) },
		"damaged id":  func(t *testing.T, path string) { must(t, os.Truncate(filepath.Join(path, "popsync.id"), 3)) },
		"parent gone": func(t *testing.T, path string) { must(t, os.RemoveAll(filepath.Dir(path))) },
		"another": func(t *testing.T, path string) {
			must(t, os.Rename(path, path+"2"))
			identify(t, open(t, path), "")
		},
		"new is a link": func(t *testing.T, path string) {
			must(t, os.Remove(filepath.Join(path, "new")))
			must(t, os.Symlink("cur", filepath.Join(path, "new")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "parent", "mail")
			mkdirs(t, filepath.Dir(path), ".")
			m := open(t, path)
			id := identify(t, m, "")
			ticket := stage(t, m, "Subject: kept\r\n\r\n")
			change(t, path)
			before, _ := os.ReadDir(path)

			// While it is in use: nothing is created but for a change that a stat of the id does not show, nothing published.
			if s, err := m.Create(context.Background(), deliver.Message{}); err == nil {
				if !strings.HasPrefix(name, "n") {
					t.Errorf("Create works")
				}
				s.Abort()
			} else {
				refuses(t, err, "not the Maildir popsync knows")
			}
			refuses(t, m.Publish(context.Background(), []deliver.Ticket{ticket})[0], "not the Maildir popsync knows")

			// After a start.
			m = open(t, path)
			_, err := m.Identify(context.Background(), id)
			words := "not the Maildir popsync knows"
			if strings.HasSuffix(name, "is a link") {
				words = "in it is a symbolic link"
			}
			if e := refuses(t, err, words); !e.Permanent || strings.Contains(e.Hint, "--adopt") == strings.HasSuffix(name, "is a link") {
				t.Errorf("not permanent or without a way out: %v", err)
			}
			refuses(t, m.Check(context.Background(), id), words)
			if after, _ := os.ReadDir(path); len(after) != len(before) {
				t.Errorf("popsync changed the place")
			}
		})
	}
}

func TestMoves(t *testing.T) {
	ctx := context.Background()
	old := filepath.Join(t.TempDir(), "old")
	m := identified(t, old)
	id := identify(t, m, "")
	ticket := stage(t, m, "Subject: moved\r\n\r\n")
	path := old + "-now"
	must(t, os.Rename(old, path))

	m = open(t, path)
	now := identify(t, m, id)
	if now == id || strings.Fields(now)[1] != strings.Fields(id)[1] {
		t.Errorf("moved, %q became %q", id, now)
	}
	publish(t, m, ticket) // its path is gone, its id is here
	if got := read(t, path, "new"); len(got) != 1 {
		t.Errorf("%d messages", len(got))
	}
	if _, err := m.Identify(ctx, "garbage"); err == nil {
		t.Errorf("garbage is remembered")
	}
}

// TestNewPathSettlesAtTheOldOne: the configuration names another place while tickets are open.
func TestNewPathSettlesAtTheOldOne(t *testing.T) {
	ctx := context.Background()
	old, path := filepath.Join(t.TempDir(), "old"), filepath.Join(t.TempDir(), "new")
	m := identified(t, old)
	tickets := []deliver.Ticket{stage(t, m, "one\r\n"), stage(t, m, "two\r\n"), stage(t, m, "three\r\n")}
	m = open(t, path)
	identify(t, m, "")
	publish(t, m, tickets[0])
	if got := read(t, old, "new"); len(got) != 1 {
		t.Errorf("%d messages at the old place", len(got))
	}
	must(t, m.Discard(tickets[1:2]))
	if got := read(t, old, "tmp"); len(got) != 1 {
		t.Errorf("%d staged messages at the old place", len(got))
	}
	must(t, os.Rename(old, old+"2"))
	mine := stage(t, m, "four\r\n")
	errs := m.Publish(ctx, []deliver.Ticket{tickets[2], mine})
	var e *deliver.Error
	if !errors.As(errs[0], &e) || e.Scope != deliver.ThisMessage || e.Hint == "" || errs[1] != nil {
		t.Errorf("the old place is gone: %v", errs)
	}
}

// TestAdoptedPlaceProvesNothing: a person adopted another Maildir at the same path. What is nowhere is fetched again.
func TestAdoptedPlaceProvesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mail")
	m := identified(t, path)
	a, b := stage(t, m, "a"), stage(t, m, "b")
	publish(t, m, a, b)
	mkdirs(t, path+"2", "tmp", "new", "cur")
	must(t, os.Rename(publishedPath(path, b), publishedPath(path+"2", b))) // the restored copy has the second only
	must(t, os.Rename(path, path+"1"))
	must(t, os.Rename(path+"2", path))
	m = identified(t, path)
	errs := m.Publish(context.Background(), []deliver.Ticket{a, b})
	if !errors.Is(errs[0], deliver.ErrUnknown) || errs[1] != nil {
		t.Errorf("got %v", errs)
	}
}
