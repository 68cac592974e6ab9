package maildir_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/popsync/popsync/deliver/maildir"
)

// A Maildir that is a folder of another one, and that one, are made by whoever comes first, in whatever state a crash left them.
func TestInMaildir(t *testing.T) {
	for name, c := range map[string]struct {
		folder string
		before func(t *testing.T, outer string) // what is there
	}{
		"nothing":                    {".Work", func(*testing.T, string) {}},
		"an empty directory":         {".Work", func(t *testing.T, outer string) { mkdirs(t, outer, ".") }},
		"made in part":               {".Work", func(t *testing.T, outer string) { mkdirs(t, outer, "cur", ".Work/tmp") }},
		"the outer one":              {".Work", func(t *testing.T, outer string) { mkdirs(t, outer, "cur", "new", "tmp") }},
		"the inner one":              {".Work", func(t *testing.T, outer string) { mkdirs(t, outer, ".Work/cur", ".Work/new", ".Work/tmp") }},
		"a folder of another layout": {"Work", func(*testing.T, string) {}},
		"another folder, and mail": {".Work", func(t *testing.T, outer string) {
			mkdirs(t, outer, ".Old/cur", ".Old/new", ".Old/tmp")
			must(t, os.WriteFile(filepath.Join(outer, ".Old/cur/mail"), nil, 0o600))
		}},
	} {
		for _, innerFirst := range []bool{true, false} {
			outer := filepath.Join(t.TempDir(), "Maildir")
			c.before(t, outer)
			at := []*maildir.Target{
				maildir.New(maildir.Options{Path: filepath.Join(outer, c.folder), Outer: outer}),
				maildir.New(maildir.Options{Path: outer}),
			}
			if !innerFirst {
				at[0], at[1] = at[1], at[0]
			}
			for _, m := range at {
				if err := m.Check(context.Background(), ""); err != nil {
					t.Errorf("%s, inner first %v: Check: %v", name, innerFirst, err)
				}
				id := identify(t, m, "")
				publish(t, m, stage(t, m, "x"))
				must(t, m.Close())
				if got := identify(t, m, id); got != id {
					t.Errorf("%s: recognised as %q, want %q", name, got, id)
				}
			}
		}
	}
	// What the outer one lies in is not made.
	outer := filepath.Join(t.TempDir(), "mnt", "Maildir")
	inner := func() *maildir.Target {
		return maildir.New(maildir.Options{Path: filepath.Join(outer, ".Work"), Outer: outer})
	}
	_, err := inner().Identify(context.Background(), "")
	refuses(t, err, "parent directory does not exist")
	refuses(t, inner().Check(context.Background(), ""), "parent directory does not exist")
	// What is there and no Maildir is the outer one's trouble.
	mkdirs(t, outer, "documents")
	must(t, inner().Check(context.Background(), ""))
	identify(t, inner(), "")
	_, err = maildir.New(maildir.Options{Path: outer}).Identify(context.Background(), "")
	refuses(t, err, "neither a Maildir")
}
