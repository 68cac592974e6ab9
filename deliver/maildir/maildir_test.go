package maildir_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/delivertest"
	"github.com/popsync/popsync/deliver/maildir"
)

// read returns the contents of all files in directories of a Maildir.
func read(t testing.TB, path string, dirs ...string) (all []string) {
	t.Helper()
	for _, dir := range dirs {
		entries, err := os.ReadDir(filepath.Join(path, dir))
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		for _, e := range entries {
			text, err := os.ReadFile(filepath.Join(path, dir, e.Name()))
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, string(text))
		}
	}
	return all
}

// stagedPath is where a ticket's bytes are before they are published. The second field of a ticket is the name.
func stagedPath(path string, ticket deliver.Ticket) string {
	return filepath.Join(path, "tmp", strings.Fields(string(ticket))[1])
}

// publishedPath is where they are afterwards, if no reader touched them.
func publishedPath(path string, ticket deliver.Ticket) string {
	fields := strings.Fields(string(ticket))
	return filepath.Join(path, "new", fields[1]+",S="+fields[2])
}

func harness(t testing.TB) delivertest.Harness {
	top := t.TempDir()
	path := filepath.Join(top, "mail")
	return delivertest.Harness{
		Open: func(t testing.TB) deliver.Target {
			m := maildir.New(maildir.Options{Path: path, Host: "host"})
			t.Cleanup(func() { m.Close() })
			return m
		},
		Visible: func(t testing.TB) []string { return read(t, path, "new", "cur", ".Old/cur") },
		Staged: func(t testing.TB, ticket deliver.Ticket) (string, bool) {
			text, err := os.ReadFile(stagedPath(path, ticket))
			if err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
			return string(text), err == nil
		},
		Places: func(t testing.TB) int { return len(read(t, path, "tmp")) },
		Damage: func(t testing.TB, ticket deliver.Ticket) {
			text, err := os.ReadFile(stagedPath(path, ticket))
			must(t, err)
			text[len(text)-1] ^= 1
			must(t, os.WriteFile(stagedPath(path, ticket), text, 0o600))
		},
		Look: func(t testing.TB) string { return snapshot(t, top) },
		Move: func(t testing.TB) {
			must(t, os.Rename(path, path+"-now"))
			path += "-now"
		},
		Others: []string{
			"memory other", "spool2 a relay", "1 abcdefghijklmnopqrstuvwxyz " + path, "1 abcdefghijklmnopqrstuvwxyz /elsewhere",
		},
		Refuse: func(t testing.TB, target deliver.Target, ticket deliver.Ticket, late bool) {
			done := false
			target.(*maildir.Target).OnRename(func(name string, rename func() error) error {
				if done || name != filepath.Base(stagedPath(path, ticket)) {
					return rename()
				}
				if done = true; late {
					must(t, rename())
				}
				return &os.LinkError{Op: "rename", Old: name, New: name, Err: unix.EIO}
			})
		},
		Stored: func(body string) string { return strings.ReplaceAll(body, "\r\n", "\n") },
		States: map[string]func(testing.TB, deliver.Ticket){
			"linked, not unlinked": func(t testing.TB, ticket deliver.Ticket) {
				must(t, os.Link(stagedPath(path, ticket), publishedPath(path, ticket)))
			},
			"linked and read": func(t testing.TB, ticket deliver.Ticket) {
				must(t, os.Link(stagedPath(path, ticket), publishedPath(path, ticket)))
				must(t, os.Rename(publishedPath(path, ticket), filepath.Join(path, "cur", filepath.Base(publishedPath(path, ticket)))+":2,S"))
			},
			"renamed": func(t testing.TB, ticket deliver.Ticket) {
				must(t, os.Rename(stagedPath(path, ticket), publishedPath(path, ticket)))
			},
			"read": func(t testing.TB, ticket deliver.Ticket) {
				must(t, os.Rename(stagedPath(path, ticket), filepath.Join(path, "cur", filepath.Base(publishedPath(path, ticket)))+",U=7:2,RS"))
			},
			"read, without a size": func(t testing.TB, ticket deliver.Ticket) {
				must(t, os.Rename(stagedPath(path, ticket), filepath.Join(path, "cur", filepath.Base(stagedPath(path, ticket))+";2,")))
			},
			"moved to another folder": func(t testing.TB, ticket deliver.Ticket) {
				must(t, os.MkdirAll(filepath.Join(path, ".Old/cur"), 0o700))
				must(t, os.Rename(stagedPath(path, ticket), filepath.Join(path, ".Old/cur", filepath.Base(publishedPath(path, ticket)))+":2,"))
			},
		},
	}
}

func TestConforms(t *testing.T) { delivertest.Run(t, harness) }

func TestModes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mail")
	m := identified(t, path)
	ticket := stage(t, m, "x\r\n")
	publish(t, m, ticket)
	must(t, filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if want := map[bool]fs.FileMode{true: 0o700, false: 0o600}[d.IsDir()]; info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, want %v", p, info.Mode().Perm(), want)
		}
		return nil
	}))
}
