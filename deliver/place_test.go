package deliver_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/popsync/popsync/deliver"
)

const (
	idA = "aaaaaaaaaaaaaaaaaaaaaaaaaa"
	idB = "bbbbbbbbbbbbbbbbbbbbbbbbbb"
)

func TestSamePlace(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"", "", false}, {"", "memory x", false}, {"memory x", "memory x", true}, {"memory x", "memory y", false},
		{"1 " + idA + " /mail", "1 " + idA + " /elsewhere", true}, {"1 " + idA + " /mail", "1 " + idB + " /mail", false},
		{"1 " + idA + " /mail", "1 " + idA, false}, {"1 " + idA + " /mail", "spool2 " + idA + " /mail", false},
		{"spool2  relay", "spool2 a/b relay", true}, {"spool2 a relay", "spool2 a other", false},
		{"spool2 a ", "spool2 a ", false}, {"spool2 a ", "spool2 a relay", false}, {"spool", "spool", false},
		{"spool2 ../a relay", "spool2 ../a relay", false}, {"spool3 a relay", "spool3 a relay", false},
	} {
		for _, pair := range [][2]string{{test.a, test.b}, {test.b, test.a}} {
			if got := deliver.SamePlace(pair[0], pair[1]); got != test.want {
				t.Errorf("%q and %q: %v", pair[0], pair[1], got)
			}
		}
	}
}

func TestPathOf(t *testing.T) {
	for identity, want := range map[string]string{
		"1 " + idA + " /mail%20box": "/mail box", "1 " + idA + " /a/../b": "/a/../b", "1 x /mail": "", "": "", "spool2 a /mail": "", "memory x": "",
	} {
		if got := deliver.PathOf(identity); got != want {
			t.Errorf("%q is at %q, want %q", identity, got, want)
		}
	}
}

func TestResolve(t *testing.T) {
	top, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	mkdirs(t, top, "real/mail", "other")
	for name, target := range map[string]string{
		"link": "real", "absolute": filepath.Join(top, "real"), "real/up": "../other", "chain": "link/up",
		"unmounted": "disk/mail", "two": "unmounted/x", "loop": "loop", "ping": "pong", "pong": "ping", "above": "../../..",
	} {
		must(t, os.Symlink(target, filepath.Join(top, name)))
	}
	for path, want := range map[string]string{
		"real/mail": "real/mail", "link/mail": "real/mail", "absolute/./mail/": "real/mail", "real//x/../mail": "real/mail",
		"link/missing/deep": "real/missing/deep", "missing": "missing", "chain": "other", "chain/new": "other/new",
		"unmounted": "disk/mail", "unmounted/sub": "disk/mail/sub", "two": "disk/mail/x", "link/up/../mail": "real/mail",
	} {
		if got := deliver.Resolve(filepath.Join(top, path)); got != filepath.Join(top, want) {
			t.Errorf("%s is %s", path, got)
		}
	}
	for _, path := range []string{"loop", "ping", "loop/x"} {
		if got := deliver.Resolve(filepath.Join(top, path)); !filepath.IsAbs(got) {
			t.Errorf("%s is %s", path, got)
		}
	}
	t.Chdir(filepath.Join(top, "link"))
	if got := deliver.Resolve("mail"); got != filepath.Join(top, "real/mail") {
		t.Errorf("from a working directory: %s", got)
	}
	if got := deliver.Resolve(""); got != "" {
		t.Errorf("nothing is %q", got)
	}
	if got := deliver.Resolve("/" + strings.Repeat("x", 5000)); len(got) != 5001 {
		t.Errorf("a name that is too long is %q", got)
	}
}

func TestMaildirLocates(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mail")
	m := open(t, path)
	if got, info := m.Locate(); got != path || info != nil {
		t.Errorf("nothing is at %q, %v", got, info)
	}
	mkdirs(t, path+"2", ".")
	must(t, os.Symlink("mail2", path))
	want, err := os.Stat(path + "2")
	must(t, err)
	if got, info := m.Locate(); got != path || !os.SameFile(info, want) {
		t.Errorf("it is at %q, %v", got, info)
	}
	t.Chdir(filepath.Dir(path))
	if got, _ := open(t, "mail").Locate(); got != path {
		t.Errorf("it is at %q", got)
	}
}

func TestMaildirRecognises(t *testing.T) {
	ctx := context.Background()
	for name, make := range map[string]func(path string){
		"no parent": func(string) {},
		"nothing":   func(path string) { mkdirs(t, filepath.Dir(path), ".") },
		"a Maildir": func(path string) { mkdirs(t, path, "cur", "new", "tmp") },
		"a file":    func(path string) { mkdirs(t, filepath.Dir(path), "."); must(t, os.WriteFile(path, nil, 0o600)) },
		"a link":    func(path string) { mkdirs(t, filepath.Dir(path), "."); must(t, os.Symlink("nothing", path)) },
	} {
		path := filepath.Join(t.TempDir(), "parent", "mail")
		make(path)
		if got, err := open(t, path).Recognise(ctx); got != "" || err != nil {
			t.Errorf("%s is recognised as %q, %v", name, got, err)
		}
	}
	path := filepath.Join(t.TempDir(), "mail")
	known := identify(t, open(t, path), "")
	if got, err := open(t, path).Recognise(ctx); got != known || err != nil {
		t.Errorf("recognised as %q, %v, want %q", got, err, known)
	}
	must(t, os.WriteFile(filepath.Join(path, "popsync.id"), []byte("x"), 0o600))
	_, err := open(t, path).Recognise(ctx)
	refuses(t, err, "popsync.id is damaged")
	_, err = open(t, "").Recognise(ctx)
	refuses(t, err, "not a path")
}
