package identity

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/uidl"
)

// TestMatch is the table of which destination is which. A Maildir is written "ID@PATH", "@PATH" without an identity; anything
// else is a remote place.
func TestMatch(t *testing.T) {
	root := t.TempDir()
	id := func(s string) string {
		name, path, maildir := strings.Cut(s, "@")
		switch {
		case s == "" || maildir && name == "":
			return ""
		case maildir:
			return "1 " + strings.Repeat(name, 26)[:26] + " " + filepath.Join(root, path)
		}
		return "remote " + s
	}
	type dest struct {
		name, at string
		role     uidl.Role
	}
	was := func(ordinal int, name, at string, role uidl.Role) uidl.Destination {
		return uidl.Destination{Ordinal: ordinal, Name: name, Identity: id(at), Role: role}
	}
	req := uidl.Required
	for _, tc := range []struct {
		name    string
		ownRow  []uidl.Destination
		now     []dest
		strange bool
		want    string // name=ordinal,since of each; then "; NAME gone" of those written besides; or "error: ..."
		gen     int64
	}{
		{"first", nil, []dest{{"m", "@m", req}, {"r", "relay", req}}, false, "m=0,0 r=1,0", 0},
		{"unchanged", []uidl.Destination{was(0, "m", "a@m", req)}, []dest{{"m", "a@m", req}}, false, "m=0,0", 0},
		{"schema 1 did not say what for", []uidl.Destination{was(0, "m", "a@m", uidl.UnknownRole)}, []dest{{"m", "a@m", req}}, false, "m=0,0", 0},
		{"renamed", []uidl.Destination{was(0, "m", "a@m", req)}, []dest{{"n", "a@m", req}}, false, "n=0,0", 0},
		{"moved", []uidl.Destination{was(0, "m", "a@m", req)}, []dest{{"m", "a@elsewhere", req}}, false, "m=0,0", 0},
		{"renamed and moved", []uidl.Destination{was(0, "m", "a@m", req)}, []dest{{"n", "a@elsewhere", req}}, false, "n=0,0", 0},
		{"names swapped", []uidl.Destination{was(0, "m", "a@m", req), was(1, "n", "b@n", req)}, []dest{{"n", "a@m", req}, {"m", "b@n", req}}, false, "n=0,0 m=1,0", 0},
		{"paths swapped", []uidl.Destination{was(0, "m", "a@m", req), was(1, "n", "b@n", req)}, []dest{{"m", "b@m", req}, {"n", "a@n", req}}, false, "m=1,0 n=0,0", 0},
		{"not mounted", []uidl.Destination{was(0, "m", "a@m", req)}, []dest{{"m", "@m", req}}, false, "error: not mounted", 0},
		{"not mounted, under another name", []uidl.Destination{was(0, "m", "a@m", req)}, []dest{{"n", "@m", req}}, false, "error: not mounted", 0},
		{"not mounted, given up long ago", []uidl.Destination{was(0, "m", "a@m", uidl.NotConfigured)}, []dest{{"n", "@m", req}}, false, "error: not mounted", 0},
		{"a folder of one that another account knew, which is not there", nil, []dest{{"n", "@known/.Work", req}}, false, "error: not mounted", 0},
		{"a folder of one that nobody knew", nil, []dest{{"n", "@fresh/.Work", req}}, false, "n=0,0", 0},
		{"another account knew one there", nil, []dest{{"n", "@known", req}}, false, "error: not mounted", 0},
		{"replaced", []uidl.Destination{was(0, "m", "a@m", req)}, []dest{{"m", "b@m", req}}, false, "error: not mounted", 0},
		{"replaced and adopted", []uidl.Destination{was(0, "m", "a@m", req)}, []dest{{"m", "b@m", req}}, true, "m=1,1; m~aa gone", 1},
		{"emptied and adopted", []uidl.Destination{was(0, "m", "a@m", req)}, []dest{{"m", "@m", req}}, true, "m=1,1; m~aa gone", 1},
		{"another path, another Maildir", []uidl.Destination{was(0, "m", "a@m", req)}, []dest{{"m", "@fresh", req}}, false, "m=1,1; m~aa gone", 1},
		{"a second one", []uidl.Destination{was(0, "m", "a@m", req)}, []dest{{"m", "a@m", req}, {"n", "@n", req}}, false, "m=0,0 n=1,1", 1},
		{"its old place is used by another", []uidl.Destination{was(0, "m", "a@m", req)}, []dest{{"m", "a@elsewhere", req}, {"n", "@m", req}}, false, "m=0,0 n=1,1", 1},
		{"removed", []uidl.Destination{was(0, "m", "a@m", req), was(1, "r", "relay", req)}, []dest{{"m", "a@m", req}}, false, "m=0,0; r gone", 1},
		{"optional, removed", []uidl.Destination{was(0, "m", "a@m", req), was(1, "r", "relay", uidl.Optional)}, []dest{{"m", "a@m", req}}, false, "m=0,0; r gone, was optional", 1},
		{"back again", []uidl.Destination{was(0, "m", "a@m", req), was(1, "r", "relay", uidl.NotConfigured)}, []dest{{"m", "a@m", req}, {"r", "relay", req}}, false, "m=0,0 r=1,1", 1},
		{"back under another name", []uidl.Destination{was(0, "m", "a@m", req), was(1, "r", "relay", uidl.NotConfigured)}, []dest{{"m", "a@m", req}, {"s", "relay", req}}, false, "m=0,0 s=1,1", 1},
		{"becomes required", []uidl.Destination{was(0, "r", "relay", uidl.Optional)}, []dest{{"r", "relay", req}}, false, "r=0,1", 1},
		{"becomes optional", []uidl.Destination{was(0, "r", "relay", req)}, []dest{{"r", "relay", uidl.Optional}}, false, "r=0,0", 1},
		{"a remote one has another address", []uidl.Destination{was(0, "r", "relay", req)}, []dest{{"r", "other", req}}, false, "r=0,0", 0},
		{"a remote one became a Maildir", []uidl.Destination{was(0, "r", "relay", req)}, []dest{{"r", "@m", req}}, false, "r=1,1; r~aa gone", 1},
		{"a Maildir became a remote one", []uidl.Destination{was(0, "m", "a@m", req)}, []dest{{"m", "relay", req}}, false, "m=1,1; m~aa gone", 1},
		{"remote ones swapped names", []uidl.Destination{was(0, "r", "x", req), was(1, "s", "y", req)}, []dest{{"r", "y", req}, {"s", "x", req}}, false, "r=1,0 s=0,0", 0},
		{"a name given away", []uidl.Destination{was(0, "r", "x", req)}, []dest{{"r", "y", req}, {"s", "x", req}}, false, "r=1,1 s=0,0", 1},
		{"one Maildir twice", nil, []dest{{"m", "@m", req}, {"n", "@m", req}}, false, "error: are one Maildir", 0},
		{"a copy", []uidl.Destination{was(0, "m", "a@m", req)}, []dest{{"m", "a@m", req}, {"n", "a@copy", req}}, false, "error: is a copy", 0},
		{"the copy instead", []uidl.Destination{was(0, "m", "a@m", req)}, []dest{{"m", "a@copy", req}}, false, "m=0,0", 0},
	} {
		t.Run(strings.ReplaceAll(tc.name, " ", "_"), func(t *testing.T) {
			var now []sight
			for _, d := range tc.now {
				s := sight{name: d.name, role: d.role, identity: id(d.at)}
				if _, path, maildir := strings.Cut(d.at, "@"); maildir {
					s.path = deliver.Resolve(filepath.Join(root, path))
				}
				now = append(now, s)
			}
			m, err := match(tc.ownRow, nil, now, 0, tc.strange, func(path string) (bool, error) {
				return path == deliver.Resolve(filepath.Join(root, "known")), nil
			})
			if got := told(m, err); got != tc.want && (!strings.HasPrefix(tc.want, "error: ") || !strings.Contains(got, tc.want[7:])) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
			if err == nil && m.generation != tc.gen {
				t.Errorf("generation %d, not %d", m.generation, tc.gen)
			}
		})
	}
}

func told(m *matched, err error) string {
	if err != nil {
		return "error: " + err.Error()
	}
	var of, besides []string
	for _, d := range m.of {
		of = append(of, fmt.Sprintf("%s=%d,%d", d.Name, d.Ordinal, d.Since))
	}
	for _, d := range m.changed {
		text := d.Name + " gone"
		if d.Role == uidl.WasOptional {
			text += ", was optional"
		}
		besides = append(besides, text)
	}
	return strings.Join(append([]string{strings.Join(of, " ")}, besides...), "; ")
}

// Two spellings of one directory are one place, also through a link, and a hard look at the directory itself finds a bind mount.
func TestMatchLinks(t *testing.T) {
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "m"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("m", filepath.Join(root, "link")); err != nil {
		t.Fatal(err)
	}
	var now []sight
	for _, name := range []string{"m", "link"} {
		now = append(now, sight{name: name, role: uidl.Required, path: deliver.Resolve(filepath.Join(root, name))})
	}
	if _, err := match(nil, nil, now, 0, false, nil); err == nil || !strings.Contains(err.Error(), "are one Maildir") {
		t.Errorf("accepted: %v", err)
	}
	info, err := os.Stat(filepath.Join(root, "m"))
	if err != nil {
		t.Fatal(err)
	}
	now[0].path, now[0].info, now[1].path, now[1].info = "/a", info, "/b", info
	if _, err := match(nil, nil, now, 0, false, nil); err == nil {
		t.Error("one directory under two paths was accepted")
	}
}

// When all ordinals are used, the place that is gone longest makes room, but not one for which something is open.
func TestMatchOrdinals(t *testing.T) {
	var known []uidl.Destination
	for i := range uidl.Ordinals {
		known = append(known, uidl.Destination{Ordinal: i, Name: fmt.Sprint("d", i), Identity: fmt.Sprint("remote ", i), Role: uidl.NotConfigured, Since: int64(100 - i)})
	}
	last := uidl.Ordinals - 1
	now := []sight{{name: "new", role: uidl.Required, identity: "remote new"}}
	m, err := match(known, map[int]bool{last: true}, now, 200, false, nil)
	if err != nil || m.of[0].Ordinal != last-1 || len(m.fold) != 1 || m.fold[0] != last-1 {
		t.Errorf("%+v, %v", m, err)
	}
	all := map[int]bool{}
	for i := range uidl.Ordinals {
		all[i] = true
	}
	if _, err := match(known, all, now, 200, false, nil); err == nil {
		t.Error("there is room where there is none")
	}
}
