package places

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/popsync/popsync/deliver/maildir"
	"github.com/popsync/popsync/uidl"
)

// mailbox makes a Maildir that popsync has used, and gives its identity.
func mailbox(t *testing.T, path string) string {
	t.Helper()
	target := maildir.New(maildir.Options{Path: path})
	defer target.Close()
	id, err := target.Identify(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// at is what is found at a path now.
func at(t *testing.T, name, path string) Place {
	t.Helper()
	target := maildir.New(maildir.Options{Path: path})
	defer target.Close()
	return Look(t.Context(), name, target)
}

// A destination is known by what it is, and then by its name: a Maildir that another one took the place of is not.
func TestKnown(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	known := []uidl.Destination{
		{Name: "a", Identity: mailbox(t, a), Role: uidl.Required},
		{Name: "b", Identity: mailbox(t, b), Role: uidl.NotConfigured},
		{Name: "relay", Identity: "smtp://old", Role: uidl.Required},
	}
	now := []Place{at(t, "b", a), at(t, "a", b), {Name: "relay", Identity: "smtp://new"}, {Name: "other", Identity: "smtp://else"}}
	if got := Known(known, now); !slices.Equal(got, []int{0, 1, 2, -1}) {
		t.Errorf("%v", got)
	}
	if !Away(uidl.NotConfigured) || !Away(uidl.WasOptional) || Away(uidl.Required) {
		t.Error("who is away")
	}
}

// Where a Maildir is known and nothing or another one is, that is said, and what is open for it is not given away unless
// the other one is adopted.
func TestMissedAndOpen(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "m")
	id := mailbox(t, path)
	if err := os.Remove(filepath.Join(path, "popsync.id")); err != nil {
		t.Fatal(err)
	}
	known := []uidl.Destination{{Name: "m", Identity: id, Role: uidl.Required}, {Name: "gone", Identity: "smtp://x", Role: uidl.NotConfigured}}
	now := []Place{at(t, "m", path)}
	of := Known(known, now)
	if got := Missed(known, of, now[0], nil); got != id {
		t.Errorf("missed is %q, want %q", got, id)
	}
	if got := Missed(nil, []int{-1}, now[0], []string{id}); got != id {
		t.Errorf("of another account missed is %q", got)
	}
	pending := []uidl.Delivery{{Destination: "m"}, {Destination: "gone"}, {Destination: "gone"}}
	if names, open := OpenElsewhere(known, now, pending, false); !slices.Equal(names, []string{"gone"}) || open["gone"] != 2 {
		t.Errorf("%v %v", names, open)
	}
	if names, _ := OpenElsewhere(known, now, pending, true); !slices.Equal(names, []string{"gone", "m"}) {
		t.Errorf("adopted: %v", names)
	}
	now[0].Err = errors.New("no answer")
	if names, _ := OpenElsewhere(known, now, pending, true); !slices.Equal(names, []string{"gone"}) {
		t.Errorf("what cannot be looked at is given away: %v", names)
	}
}

func TestFound(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "m")
	id := mailbox(t, path)
	known := []uidl.Destination{{Name: "m", Identity: id, Role: uidl.Required}}
	if lines := found("work", known, []Place{at(t, "m", path)}, nil); len(lines) != 0 {
		t.Errorf("what is known needs no word: %q", lines)
	}
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
	lines := found("work", known, []Place{at(t, "m", path)}, nil)
	if len(lines) != 1 || !strings.Contains(lines[0], "a new Maildir is made at "+path) || !strings.Contains(lines[0], "popsync backfill work m") {
		t.Errorf("%q", lines)
	}
}
