package tokens

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/internal/oauth"
	"github.com/popsync/popsync/internal/oauth/oauthtest"
)

// clientOf reaches a provider of the test's without a network. Markers in the provider's secrets must show nowhere.
func clientOf(t testing.TB, p *oauthtest.Provider, now func() time.Time) *oauth.Client {
	t.Helper()
	c, err := oauth.New(oauth.Grant{
		Name: "test", AuthURL: p.URL() + "/authorize", TokenURL: p.URL() + "/token", RevokeURL: p.URL() + "/revoke", ClientID: "client", Scopes: []string{"mail"},
	}, oauth.Options{Transport: p, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// world is a provider, a folder of tokens, and the time.
type world struct {
	*testing.T
	p   *oauthtest.Provider
	dir string
	o   Options
}

func newWorld(t *testing.T, o oauthtest.Options) *world {
	o.Prefix = "MARKER-"
	return &world{t, oauthtest.New(o), filepath.Join(t.TempDir(), "oauth"), Options{}}
}

// source is that of an account in a process of its own: it remembers nothing of earlier ones.
func (w *world) source(account string) *Source {
	w.Helper()
	o := w.o
	o.Dir = w.dir
	return w.of(New(o), account)
}

func (w *world) of(k *Keeper, account string) *Source {
	w.Helper()
	s, err := k.Source(clientOf(w, w.p, time.Now), account, account+"@example.org")
	if err != nil {
		w.Fatal(err)
	}
	return s
}

// login is a person's, as of now.
func (w *world) login(s *Source) {
	w.Helper()
	access, refresh := w.p.Grant(s.user, "mail")
	now := time.Now()
	t := oauth.Token{Access: oauth.NewSecret(access), Refresh: oauth.NewSecret(refresh), Got: now, Expires: now.Add(time.Hour), Email: s.user}
	if err := s.Put(w.Context(), t); err != nil {
		w.Fatal(err)
	}
}

// good asserts that there is a token, and that it is good.
func (w *world) good(s *Source, refused string) string {
	w.Helper()
	text, err := s.Token(w.Context(), refused)
	if err != nil {
		w.Fatal(err)
	}
	if _, ok := w.p.Valid(text); !ok || text == refused {
		w.Fatal("the token is not good")
	}
	return text
}

// bad asserts that there is none.
func (w *world) bad(s *Source, class oauth.Class) *oauth.Error {
	w.Helper()
	_, err := s.Token(w.Context(), "")
	var e *oauth.Error
	if !errors.As(err, &e) {
		w.Fatalf("not an error of ours: %v", err)
	}
	if e.Class != class || e.Next() == "" || strings.Contains(e.Error()+e.Next(), "MARKER") {
		w.Errorf("class %d, not %d: %v; %s", e.Class, class, e, e.Next())
	}
	return e
}

func (w *world) status(s *Source) Status {
	w.Helper()
	st, err := s.Status()
	if err != nil {
		w.Fatal(err)
	}
	return st
}

// private asserts that secrets stand in files of their own alone, which nobody else may read.
func (w *world) private() {
	w.Helper()
	names, err := os.ReadDir(w.dir)
	if err != nil {
		w.Fatal(err)
	}
	for _, n := range names {
		info, err := n.Info()
		if err != nil {
			w.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(w.dir, n.Name()))
		if err != nil {
			w.Fatal(err)
		}
		if info.Mode().Perm()&0o077 != 0 || strings.Contains(string(b), "MARKER") != strings.HasSuffix(n.Name(), tokenSuffix) {
			w.Errorf("%s: %v", n.Name(), info.Mode())
		}
	}
}

func sleepFor(d time.Duration) { <-time.After(d) }
