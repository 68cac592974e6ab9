package deliver_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/delivertest"
)

var must = delivertest.Must

func TestResolve(t *testing.T) {
	top, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	for _, name := range []string{"real/mail", "other"} {
		must(t, os.MkdirAll(filepath.Join(top, name), 0o700))
	}
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
