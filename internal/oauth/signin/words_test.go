package signin

import (
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/internal/oauth"
	"github.com/popsync/popsync/internal/oauth/tokens"
)

// Somebody else is somebody whose addresses are known and all differ; a login name that is no address tells nothing.
func TestOther(t *testing.T) {
	for _, tt := range []struct{ email, name, user, want string }{
		{"me@example.org", "", "me@example.org", ""},
		{"ME@Example.org", "", "me@example.org", ""},
		{"", "me@example.org", "me@example.org", ""},
		{"alias@example.org", "me@example.org", "me@example.org", ""},
		{"", "", "me@example.org", ""},
		{"", "me", "me@example.org", ""},
		{"you@example.org", "", "me@example.org", "you@example.org"},
		{"you@example.org", "", "me", ""},
		{"you\x1b[31m@example.org", "", "me@example.org", `you\x1B[31m@example.org`},
	} {
		if got := Other(oauth.Token{Email: tt.email, Name: tt.name}, tt.user); !strings.EqualFold(got, tt.want) {
			t.Errorf("%+v: %q", tt, got)
		}
	}
}

func TestStanding(t *testing.T) {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	login, refreshed := now.AddDate(0, 0, -10), now.Add(-5*time.Minute)
	fault := &oauth.Error{Grant: "g", What: "refreshing the token: the provider refuses", Code: "invalid_grant"}
	in := func(days int) time.Time { return now.AddDate(0, 0, days) }
	for want, st := range map[string]tokens.Status{
		"nobody has logged in": {},
		"logged in, 10d ago; last refreshed 5m ago; no end known":                             {LoggedIn: true, Login: login, Refreshed: refreshed},
		"logged in as me@example.org, 10d ago; no end known":                                  {LoggedIn: true, Login: login, Refreshed: login, Email: "me@example.org"},
		"logged in, 10d ago; the mail server refuses it; no end known":                        {LoggedIn: true, Login: login, Refreshed: login, Refused: true},
		"no person is needed; no end known":                                                   {LoggedIn: true, Alone: true},
		"ended: OAuth g: refreshing the token: the provider refuses (invalid_grant)":          {Dead: true, LoggedIn: true, Fault: fault},
		"logged in; the last refresh failed: OAuth g: refreshing the token: the provider ref": {LoggedIn: true, Fault: fault},
		"logged in; the login ends in 5d, as the provider said; unused, the login ends in 9d": {
			LoggedIn: true, Ends: []tokens.End{{At: in(5), Why: tokens.EndRefresh}, {At: in(9), Why: tokens.EndIdle}}},
		"no person is needed; the client secret ended on 2026-11-26": {LoggedIn: true, Alone: true, Ends: []tokens.End{{At: in(-3), Why: tokens.EndSecret}}},
		"logged in; the login ends in 6d: the client is in testing":  {LoggedIn: true, Ends: []tokens.End{{At: in(6), Why: tokens.EndTesting}}},
	} {
		if got := Standing(st, now); !strings.HasPrefix(got, want) {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// Every warning names the day and what to do, before it and after it.
func TestWarnings(t *testing.T) {
	at := time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC)
	for _, why := range []tokens.EndReason{tokens.EndRefresh, tokens.EndTesting, tokens.EndIdle, tokens.EndSecret} {
		for now, word := range map[time.Time]string{at.Add(-time.Hour): "ends on 2027-01-31", at: "ended on 2027-01-31"} {
			what, next := Warning(tokens.End{At: at, Why: why}, "g", "work/relay", now)
			if !strings.Contains(what, word) || next == "" || why == tokens.EndTesting && !strings.Contains(next, "popsync login work/relay") {
				t.Errorf("%s: %s; %s", why, what, next)
			}
		}
	}
}
