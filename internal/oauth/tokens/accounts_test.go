package tokens

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/popsync/popsync/internal/oauth"
	"github.com/popsync/popsync/internal/oauth/oauthtest"
)

// An account that got another name keeps its logins, also where two swap theirs.
func TestRename(t *testing.T) {
	bubble(t, oauthtest.Options{}, func(t *testing.T, w *world) {
		texts := map[string]string{}
		for _, account := range []string{"a", "a/relay", "b", "other"} {
			s := w.source(account)
			w.login(s)
			texts[account] = w.good(s, "")
		}
		k := New(Options{Dir: w.dir})
		if err := k.Rename(t.Context(), map[string]string{"a": "b", "b": "a", "nobody": "c"}); err != nil {
			t.Fatal(err)
		}
		for account, was := range map[string]string{"b": "a", "b/relay": "a/relay", "a": "b", "other": "other"} {
			if got := w.good(w.source(account), ""); got != texts[was] {
				t.Errorf("%s has not what %s had", account, was)
			}
		}
		w.bad(w.source("a/relay"), oauth.NeedLogin)
		if err := k.Rename(t.Context(), map[string]string{"b": "z"}); err != nil {
			t.Fatal(err)
		}
		w.good(w.source("z/relay"), "")
		w.bad(w.source("b"), oauth.NeedLogin)
		w.private()
	})
}

// What is forgotten leaves nothing behind, and others alone.
func TestForget(t *testing.T) {
	bubble(t, oauthtest.Options{}, func(t *testing.T, w *world) {
		for _, account := range []string{"a", "a/relay", "a.b", "a.token", "b"} {
			w.login(w.source(account))
		}
		if err := os.WriteFile(filepath.Join(w.dir, ".test+a.token.123"), []byte("MARKER"), 0o600); err != nil {
			t.Fatal(err)
		}
		k := New(Options{Dir: w.dir})
		if n, err := k.Forget("a"); n != 2 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		left, err := os.ReadDir(w.dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range left {
			if strings.Contains(f.Name(), "+a.token.1") || strings.Contains(f.Name(), "+a+") || strings.Contains(f.Name(), "+a.s") || strings.Contains(f.Name(), "+a.l") {
				t.Errorf("%s is left", f.Name())
			}
		}
		w.good(w.source("a.b"), "")
		w.good(w.source("a.token"), "")
		w.good(w.source("b"), "")
		if n, err := New(Options{Dir: filepath.Join(w.dir, "none")}).Forget("a"); n != 0 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	})
}
