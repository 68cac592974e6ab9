package oauth_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/popsync/popsync/internal/oauth"
	"github.com/popsync/popsync/internal/oauth/oauthtest"
)

func TestLoopback(t *testing.T) {
	p := oauthtest.New(oauthtest.Options{ClientID: "client", Secret: "cs", RefreshLife: 90 * 24 * time.Hour})
	g := grantAt(p, oauth.FlowLoopback)
	g.Secret = fixed("cs")
	var notes []string
	got, err := clientOf(t, p, g).Login(t.Context(), "me@example.org", oauth.Prompts{
		Note: func(s string) { notes = append(notes, s) },
		Open: func(address string) {
			q := queryOf(t, address)
			if q.Get("login_hint") != "me@example.org" || q.Get("code_challenge_method") != "S256" || len(q.Get("state")) < 40 {
				t.Errorf("asked with %v", q)
			}
			back := browser(t, p, address)
			// Other pages may ask this port for anything first, as any page in the browser can.
			for _, odd := range []string{"/favicon.ico", "/?code=stolen&state=other", "/?code=stolen", "/?x=" + strings.Repeat("y", 4000)} {
				if status, _ := visit(t, q.Get("redirect_uri")+odd); status == http.StatusOK {
					t.Errorf("%s is taken for an answer", odd)
				}
			}
			if status, page := visit(t, back); status != http.StatusOK || strings.Contains(page, "code") {
				t.Errorf("page %d %q", status, page)
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := p.Valid(got.Access.Reveal()); !ok || got.Refresh.Reveal() == "" || got.Email != "me@example.org" || got.RefreshExpires.IsZero() {
		t.Errorf("got %+v", got)
	}
	if len(notes) != 1 {
		t.Errorf("notes %q", notes)
	}
}

func TestPaste(t *testing.T) {
	for name, tt := range map[string]struct {
		first []string // pasted before the right one
		last  func(back string) string
	}{
		"address":         {nil, func(s string) string { return s }},
		"with quotes":     {nil, func(s string) string { return " \"" + s + "\"\r\n" }},
		"broken in lines": {nil, func(s string) string { return s[:40] + "\n  " + s[40:] }},
		"code alone": {nil, func(s string) string {
			_, rest, _ := strings.Cut(s, "code=")
			code, _, _ := strings.Cut(rest, "&")
			return code
		}},
		"mistakes first": {
			[]string{"", "what?", "https://provider.test/authorize?response_type=code&state=x", "http://127.0.0.1:1/?code=abcdef&state=old", "\x1b[31m", strings.Repeat("x", 20000)},
			func(s string) string { return s },
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := oauthtest.New(oauthtest.Options{})
			var back string
			var notes []string
			pastes := tt.first
			got, err := clientOf(t, p, grantAt(p, oauth.FlowPaste)).Login(t.Context(), "me", oauth.Prompts{
				Open: func(address string) {
					if queryOf(t, address).Has("login_hint") {
						t.Error("a user name that is no address was told")
					}
					back = browser(t, p, address)
				},
				Paste: func(context.Context) (string, error) {
					if len(pastes) > 0 {
						next := pastes[0]
						pastes = pastes[1:]
						return next, nil
					}
					return tt.last(back), nil
				},
				Note: func(s string) { notes = append(notes, s) },
			})
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := p.Valid(got.Access.Reveal()); !ok || len(notes) != len(tt.first) {
				t.Errorf("valid %v, notes %q", ok, notes)
			}
		})
	}
}

// What can go wrong between the person and the provider.
func TestLoginRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		o     oauthtest.Options
		class oauth.Class
		says  string
	}{
		"declined":         {oauthtest.Options{Denied: true}, oauth.NeedPerson, "access_denied"},
		"a box not ticked": {oauthtest.Options{Granted: []string{"openid"}}, oauth.NeedLogin, "not all was allowed that is needed: mail"},
		"no refresh token": {oauthtest.Options{NoRefresh: true}, oauth.NeedLogin, "no refresh token"},
		"another secret":   {oauthtest.Options{Secret: "other"}, oauth.Configuration, "invalid_client"},
	} {
		t.Run(name, func(t *testing.T) {
			p := oauthtest.New(tt.o)
			var back string
			_, err := clientOf(t, p, grantAt(p, oauth.FlowPaste)).Login(t.Context(), "me", oauth.Prompts{
				Open:  func(address string) { back = browser(t, p, address) },
				Paste: func(context.Context) (string, error) { return back, nil },
			})
			if e := errorOf(t, err, tt.class); !strings.Contains(e.Error(), tt.says) || e.Next() == "" {
				t.Errorf("%v; %s", e, e.Next())
			}
		})
	}
}

func TestDevice(t *testing.T) {
	for name, tt := range map[string]struct {
		o      oauthtest.Options
		faults []oauthtest.Fault
		after  time.Duration // the person types the code; 0: never
		class  oauth.Class
		says   string // "": it works
	}{
		"soon":             {o: oauthtest.Options{Interval: 5}, after: 12 * time.Second},
		"no interval told": {after: time.Second},
		"asked too often":  {faults: []oauthtest.Fault{{Status: 400, Error: "slow_down"}, {Status: 400, Error: "slow_down"}}, after: time.Minute},
		"out of order for a while": {
			faults: []oauthtest.Fault{{Status: 503}, {Status: 200, Body: "<html>"}, {CutBefore: true}, {Status: 400, Error: "temporarily_unavailable"}}, after: time.Minute,
		},
		"out of order, and never typed": {faults: []oauthtest.Fault{{Status: 500}}, class: oauth.NeedLogin, says: "not typed in time"},
		"out of order until the end": {
			faults: slices.Repeat([]oauthtest.Fault{{Status: 503}}, 200), class: oauth.Temporary, says: "the code has ended, and until then nobody could say whether it was typed: ",
		},
		"HTML until the end": {
			faults: slices.Repeat([]oauthtest.Fault{{Status: 200, Body: "<html>"}}, 200), class: oauth.Temporary, says: "its answer can't be read",
		},
		"no answer until the end": {faults: slices.Repeat([]oauthtest.Fault{{CutBefore: true}}, 200), class: oauth.Temporary, says: "nobody could say"},
		"never typed":             {class: oauth.NeedLogin, says: "not typed in time"},
		"expired soon":            {o: oauthtest.Options{CodeLife: 30 * time.Second}, class: oauth.NeedLogin, says: "expired_token"},
		"declined":                {o: oauthtest.Options{Denied: true}, class: oauth.NeedPerson, says: "access_denied"},
		"not ticked":              {o: oauthtest.Options{Granted: []string{"openid"}}, after: time.Second, class: oauth.NeedLogin, says: "not all was allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := oauthtest.New(tt.o)
				p.Fail(tt.faults...)
				if tt.after > 0 {
					time.AfterFunc(tt.after, func() { p.Approve("") })
				}
				var code oauth.DeviceCode
				var notes []string
				got, err := clientOf(t, p, grantAt(p, oauth.FlowDevice)).Login(t.Context(), "me", oauth.Prompts{
					Code: func(d oauth.DeviceCode) { code = d },
					Note: func(s string) { notes = append(notes, s) },
				})
				faulty := len(tt.faults) > 0 && tt.faults[0].Error != "slow_down"
				if faulty != (len(notes) == 1) || len(notes) > 1 || faulty && !strings.Contains(notes[0], "goes on asking until the code ends at ") {
					t.Errorf("told: %q", notes)
				}
				if code.Code == "" || code.Address == "" {
					t.Errorf("shown %+v", code)
				}
				if tt.says == "" {
					if _, ok := p.Valid(got.Access.Reveal()); err != nil || !ok {
						t.Errorf("%v, valid %v", err, ok)
					}
				} else if e := errorOf(t, err, tt.class); !strings.Contains(e.Error(), tt.says) {
					t.Errorf("%v", e)
				}
			})
		})
	}
}

func TestLoginEnds(t *testing.T) {
	for _, f := range []oauth.Flow{oauth.FlowLoopback, oauth.FlowDevice, oauth.FlowPaste} {
		p := oauthtest.New(oauthtest.Options{})
		stopped := errors.New("stopped")
		ctx, cancel := context.WithCancelCause(t.Context())
		prompts := oauth.Prompts{
			Open: func(string) { cancel(stopped) }, Code: func(oauth.DeviceCode) { cancel(stopped) },
			Paste: func(ctx context.Context) (string, error) { <-ctx.Done(); return "", ctx.Err() },
		}
		if _, err := clientOf(t, p, grantAt(p, f)).Login(ctx, "me", prompts); !errors.Is(err, stopped) && !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", f, err)
		}
		cancel(nil)
	}
}

// Nobody comes: the wait ends, and nothing is left listening.
func TestLoginTakesNotForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := oauthtest.New(oauthtest.Options{})
		_, err := clientOf(t, p, grantAt(p, oauth.FlowPaste)).Login(t.Context(), "me", oauth.Prompts{
			Open: func(string) {}, Paste: func(ctx context.Context) (string, error) { <-ctx.Done(); return "", ctx.Err() },
		})
		var e *oauth.Error
		if !errors.As(err, &e) && !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
	})
}
