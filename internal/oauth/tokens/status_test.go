package tokens

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/internal/oauth"
	"github.com/popsync/popsync/internal/oauth/oauthtest"
)

// What is said of ends is what somebody stated, or a provider's rules; else nothing.
func TestEnds(t *testing.T) {
	const day = 24 * time.Hour
	secret := func(context.Context) (string, error) { return "s", nil }
	for name, tt := range map[string]struct {
		change  func(g *oauth.Grant)
		refresh time.Duration // of the refresh token, as told
		want    EndReason
		after   time.Duration
		lead    time.Duration
	}{
		"nothing is known":                       {change: func(*oauth.Grant) {}},
		"told":                                   {func(*oauth.Grant) {}, 30 * day, EndRefresh, 30 * day, 30 * day / 7},
		"google testing":                         {func(g *oauth.Grant) { g.Provider, g.Testing = "google", true }, 0, EndTesting, 7 * day, day},
		"google":                                 {func(g *oauth.Grant) { g.Provider = "google" }, 0, EndIdle, 182 * day, 7 * day},
		"microsoft":                              {func(g *oauth.Grant) { g.Provider = "microsoft" }, 0, EndIdle, 90 * day, 7 * day},
		"secret":                                 {func(g *oauth.Grant) { g.SecretEnds = time.Now().Add(60 * day) }, 0, EndSecret, 60 * day, 7 * day},
		"testing, and nobody knows what that is": {change: func(g *oauth.Grant) { g.Testing = true }},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, oauthtest.Options{RefreshLife: tt.refresh}, func(t *testing.T, w *world) {
				g := oauth.Grant{Name: "g", AuthURL: w.p.URL() + "/authorize", TokenURL: w.p.URL() + "/token", ClientID: "c", Scopes: []string{"s"}, Secret: secret}
				tt.change(&g)
				c, err := oauth.New(g, oauth.Options{Transport: w.p}, oauth.POP)
				if err != nil {
					t.Fatal(err)
				}
				s, err := New(Options{Dir: w.dir}).Source(c, "work", "me")
				if err != nil {
					t.Fatal(err)
				}
				if st := w.status(s); st.LoggedIn || len(st.Ends) > 0 && st.Ends[0].Why != EndSecret {
					t.Errorf("before the login: %+v", st)
				}
				began := time.Now()
				_, refresh := w.p.Grant("me", "s")
				token := oauth.Token{Refresh: oauth.NewSecret(refresh), Got: began}
				if tt.refresh > 0 {
					token.RefreshExpires = began.Add(tt.refresh)
				}
				if err := s.Put(t.Context(), token); err != nil {
					t.Fatal(err)
				}
				st := w.status(s)
				if tt.want == "" {
					if len(st.Ends) != 0 {
						t.Errorf("invented: %+v", st.Ends)
					}
					return
				}
				if len(st.Ends) == 0 || st.Ends[0].Why != tt.want || st.Ends[0].At.Sub(began) != tt.after || st.Ends[0].Lead != tt.lead {
					t.Fatalf("%+v", st.Ends)
				}
				if _, due := st.Due(st.Ends[0].At.Add(-tt.lead - time.Second)); due {
					t.Error("told too early")
				}
				if _, due := st.Due(st.Ends[0].At.Add(-tt.lead)); !due {
					t.Error("not told")
				}
			})
		})
	}
}

// What is known of a token may outlive it: what is said of a login is true of the file, as the next pass will find it.
func TestStatusOfAFileThatIsNoToken(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(t *testing.T, path string) error
		class  oauth.Class
		hint   string
	}{
		"removed":     {func(_ *testing.T, path string) error { return os.Remove(path) }, oauth.NeedLogin, ""},
		"no token":    {func(_ *testing.T, path string) error { return os.WriteFile(path, []byte("garbage"), 0o600) }, oauth.NeedLogin, "popsync login"},
		"empty":       {func(_ *testing.T, path string) error { return os.WriteFile(path, nil, 0o600) }, oauth.NeedLogin, "popsync login"},
		"for all":     {func(_ *testing.T, path string) error { return os.Chmod(path, 0o644) }, oauth.Configuration, "chmod 600"},
		"for a group": {func(_ *testing.T, path string) error { return os.Chmod(path, 0o660) }, oauth.Configuration, "chmod"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, oauthtest.Options{})
			w.login(w.source("work"))
			if err := tt.change(t, filepath.Join(w.dir, "test+work"+tokenSuffix)); err != nil {
				t.Fatal(err)
			}
			_, err := w.source("work").Token(t.Context(), "")
			var e *oauth.Error
			if !errors.As(err, &e) || e.Class != tt.class || !strings.Contains(e.Hint, tt.hint) {
				t.Errorf("a pass finds %v, %+v", err, e)
			}
			st, err := w.source("work").Status()
			if tt.hint == "" {
				if err != nil || st.LoggedIn || !st.Login.IsZero() {
					t.Errorf("the status is %+v, %v", st, err)
				}
				return
			}
			if e = nil; !errors.As(err, &e) || e.Class != tt.class || !strings.Contains(e.Hint, tt.hint) {
				t.Errorf("the status is %+v, %v", st, err)
			}
		})
	}
}
