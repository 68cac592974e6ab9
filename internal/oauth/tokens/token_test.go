package tokens

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/popsync/popsync/internal/oauth"
	"github.com/popsync/popsync/internal/oauth/oauthtest"
)

// bubble runs a test in fake time.
func bubble(t *testing.T, o oauthtest.Options, do func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { do(t, newWorld(t, o)) })
}

func TestNobodyHasLoggedIn(t *testing.T) {
	bubble(t, oauthtest.Options{}, func(t *testing.T, w *world) {
		e := w.bad(w.source("work"), oauth.NeedLogin)
		if e.Next() != "log in: popsync login work" || w.p.Counts().Requests != 0 {
			t.Errorf("%v; %s", e, e.Next())
		}
	})
}

// A token is refreshed five minutes before its end, once, and what is stored is what is used.
func TestRefreshedEarly(t *testing.T) {
	for _, rotation := range []oauthtest.Rotation{oauthtest.Kept, oauthtest.Lenient, oauthtest.Strict} {
		bubble(t, oauthtest.Options{Rotation: rotation}, func(t *testing.T, w *world) {
			s := w.source("work")
			w.login(s)
			first := w.good(s, "")
			sleepFor(54 * time.Minute)
			if w.good(s, "") != first {
				t.Error("too early")
			}
			sleepFor(2 * time.Minute)
			second := w.good(s, "")
			if second == first || w.p.Counts().Refreshes != 1 {
				t.Error("not refreshed")
			}
			if w.good(w.source("work"), "") != second || w.p.Counts().Refreshes != 1 {
				t.Error("not stored")
			}
			for range 200 {
				sleepFor(time.Hour)
				w.good(w.source("work"), "")
			}
			if c := w.p.Counts(); c.Refused != 0 || c.Backward != 0 || c.Refreshes != 201 {
				t.Errorf("%+v", c)
			}
			w.private()
		})
	}
}

// A server that refuses a token that looks fresh: it is refreshed once, and then the fault is elsewhere.
func TestRefusedByTheServer(t *testing.T) {
	bubble(t, oauthtest.Options{}, func(t *testing.T, w *world) {
		s := w.source("work")
		w.login(s)
		sleepFor(time.Minute)
		first := w.good(s, "")
		second := w.good(s, first)
		if third, err := s.Token(t.Context(), second); third != "" || err != nil || w.p.Counts().Refreshes != 1 || !w.status(s).Refused {
			t.Errorf("%v, %+v", err, w.p.Counts())
		}
		sleepFor(10 * time.Minute)
		w.good(s, second)
	})
}

// A server refuses a token, and the provider gives no other: it is not sent again, and once there is another one all goes on.
func TestSpurned(t *testing.T) {
	bubble(t, oauthtest.Options{}, func(t *testing.T, w *world) {
		s := w.source("work")
		w.login(s)
		sleepFor(2 * time.Minute)
		first := w.good(s, "")
		w.p.Down(&oauthtest.Fault{Status: 503})
		if text, err := s.Token(t.Context(), first); err == nil {
			t.Errorf("got %q", text)
		}
		sleepFor(10 * time.Second)
		w.bad(w.source("work"), oauth.Temporary)
		w.p.Down(nil)
		sleepFor(time.Minute)
		w.good(w.source("work"), first)
	})
}

// Microsoft has refused tokens that were good an hour later: three refusals over an hour are believed, and then nothing more is
// asked until a person logs in.
func TestDeadAfterThreeRefusals(t *testing.T) {
	bubble(t, oauthtest.Options{}, func(t *testing.T, w *world) {
		s := w.source("work")
		w.login(s)
		w.p.End()
		sleepFor(time.Hour)
		classes := map[oauth.Class]int{}
		for range 600 { // ten hours, asked each minute, by processes that remember nothing
			_, err := w.source("work").Token(t.Context(), "")
			var e *oauth.Error
			if !errors.As(err, &e) {
				t.Fatal(err)
			}
			classes[e.Class]++
			sleepFor(time.Minute)
		}
		if n := w.p.Counts().Requests; n != 3 || classes[oauth.Temporary] != 60 || classes[oauth.NeedLogin] != 540 {
			t.Errorf("%d requests, %v", n, classes)
		}
		st := w.status(s)
		if !st.Dead || st.Fault == nil || !st.Fault.Refused {
			t.Errorf("%+v", st)
		}
		w.login(w.source("work"))
		w.good(s, "")
		if st := w.status(s); st.Dead || st.Fault != nil {
			t.Errorf("after the login: %+v", st)
		}
	})
}

// A fault that was wrapped in a refusal, and ends within the hour, costs nothing.
func TestRefusalsThatPass(t *testing.T) {
	bubble(t, oauthtest.Options{}, func(t *testing.T, w *world) {
		s := w.source("work")
		w.login(s)
		sleepFor(time.Hour)
		refusal := oauthtest.Fault{Status: 400, Error: "invalid_grant", Detail: 70000}
		w.p.Fail(refusal, refusal)
		w.bad(s, oauth.Temporary)
		sleepFor(21 * time.Minute)
		w.bad(w.source("work"), oauth.Temporary)
		sleepFor(41 * time.Minute)
		w.good(s, "")
		if st := w.status(s); st.Fault != nil {
			t.Errorf("%+v", st)
		}
	})
}

// Google's refusal is certain: its preset says so.
func TestCertainRefusal(t *testing.T) {
	bubble(t, oauthtest.Options{}, func(t *testing.T, w *world) {
		c, err := oauth.New(oauth.Grant{Name: "g", Provider: "google", TokenURL: w.p.URL() + "/token", ClientID: "c",
			Secret: func(context.Context) (string, error) { return "s", nil }}, oauth.Options{Transport: w.p}, oauth.POP)
		if err != nil {
			t.Fatal(err)
		}
		s, err := New(Options{Dir: w.dir}).Source(c, "work", "me@gmail.com")
		if err != nil {
			t.Fatal(err)
		}
		w.login(s)
		w.p.End()
		sleepFor(time.Hour)
		for range 3 {
			w.bad(s, oauth.NeedLogin)
		}
		if n := w.p.Counts().Requests; n != 1 {
			t.Errorf("%d requests", n)
		}
	})
}

// An answer that was lost: with a lenient provider nothing is lost.
func TestAnswerLost(t *testing.T) {
	bubble(t, oauthtest.Options{Rotation: oauthtest.Lenient}, func(t *testing.T, w *world) {
		s := w.source("work")
		w.login(s)
		sleepFor(time.Hour)
		w.p.Fail(oauthtest.Fault{CutAfter: true})
		w.bad(s, oauth.Temporary)
		sleepFor(time.Minute)
		w.good(s, "")
		if c := w.p.Counts(); c.Refused != 0 {
			t.Errorf("%+v", c)
		}
	})
}

// A new token that can't be stored is not used, and not lost either.
func TestCannotBeStored(t *testing.T) {
	bubble(t, oauthtest.Options{Rotation: oauthtest.Strict}, func(t *testing.T, w *world) {
		s := w.source("work")
		w.login(s)
		sleepFor(time.Hour)
		broken := errors.New("no room")
		real := s.k.store
		s.k.store = failing{real, broken}
		if e := w.bad(s, oauth.Temporary); !errors.Is(e, broken) {
			t.Error(e)
		}
		w.bad(s, oauth.Temporary)
		s.k.store = real
		w.good(s, "")
		w.good(w.source("work"), "")
		if c := w.p.Counts(); c.Refreshes != 1 || c.Refused != 0 {
			t.Errorf("%+v", c)
		}
	})
}

type failing struct {
	store
	err error
}

func (f failing) put(context.Context, *os.File, string, []byte) error { return f.err }

// While the provider can't be reached, a token is used to its very end.
func TestUsedToItsEnd(t *testing.T) {
	bubble(t, oauthtest.Options{}, func(t *testing.T, w *world) {
		s := w.source("work")
		w.login(s)
		first := w.good(s, "")
		w.p.Down(&oauthtest.Fault{Status: 503})
		sleepFor(58 * time.Minute)
		if w.good(s, "") != first {
			t.Error("another token")
		}
		sleepFor(2 * time.Minute)
		w.bad(s, oauth.Temporary)
	})
}

// A clock that was set forward and back again neither keeps tokens from being refreshed nor waits for years.
func TestClockThatJumps(t *testing.T) {
	bubble(t, oauthtest.Options{}, func(t *testing.T, w *world) {
		ahead := func() time.Time { return time.Now().AddDate(5, 0, 0) }
		w.o.Now = ahead
		k := New(Options{Dir: w.dir, Now: ahead})
		s, err := k.Source(clientOf(t, w.p, ahead), "work", "work@example.org")
		if err != nil {
			t.Fatal(err)
		}
		w.login(s)
		w.p.Fail(oauthtest.Fault{Status: 503})
		w.bad(s, oauth.Temporary) // a wait is stored, five years ahead
		w.o.Now = nil
		sleepFor(2 * time.Hour)
		w.good(w.source("work"), "")
	})
}

func TestDamaged(t *testing.T) {
	bubble(t, oauthtest.Options{}, func(t *testing.T, w *world) {
		s := w.source("work")
		w.login(s)
		write := func(suffix, text string, mode os.FileMode) {
			t.Helper()
			file := filepath.Join(w.dir, s.Name()+suffix)
			if err := errors.Join(os.Remove(file), os.WriteFile(file, []byte(text), mode)); err != nil {
				t.Fatal(err)
			}
		}
		write(stateSuffix, "{", 0o600)
		w.good(s, "")
		write(tokenSuffix, `{"version":1,"token":"MARKER"}`, 0o600)
		w.bad(s, oauth.NeedLogin)
		write(tokenSuffix, `{"version":9,"token":"MARKER"}`, 0o600)
		if e := w.bad(s, oauth.Configuration); !strings.Contains(e.Error(), "newer popsync") {
			t.Error(e)
		}
		write(tokenSuffix, "", 0o600)
		w.bad(s, oauth.NeedLogin)
		w.login(s)
		w.good(w.source("work"), "")
	})
}

func TestLogout(t *testing.T) {
	bubble(t, oauthtest.Options{}, func(t *testing.T, w *world) {
		s := w.source("work")
		w.login(s)
		// What a killed process left behind goes too.
		if err := os.WriteFile(filepath.Join(w.dir, "."+s.Name()+tokenSuffix+".123"), []byte("MARKER"), 0o600); err != nil {
			t.Fatal(err)
		}
		removed, revoked, err := s.Logout(t.Context())
		if !removed || !revoked || err != nil || w.p.Counts().Revoked != 1 {
			t.Errorf("%v, %v, %v", removed, revoked, err)
		}
		left, err := os.ReadDir(w.dir)
		if err != nil || len(left) != 0 {
			t.Errorf("left: %v, %v", left, err)
		}
		w.bad(s, oauth.NeedLogin)
		if removed, revoked, err := s.Logout(t.Context()); !removed || revoked || err != nil {
			t.Errorf("again: %v, %v, %v", removed, revoked, err)
		}
	})
}

func TestNames(t *testing.T) {
	for account, want := range map[string]string{
		"work": "g+work", "work/relay": "g+work+relay", "": "", "a/b/c": "", "../x": "", ".x": "", "a b": "", "a+b": "", "/": "", "a/": "", "a/..": "",
		strings.Repeat("x", 65): "", "UPPER": "",
	} {
		if got, err := nameOf("g", account); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", account, got, err)
		}
	}
}

// Before the first run there is no state directory. Who looks gets a token that needs no person all the same, and makes nothing.
func TestTokenBeforeTheFirstRun(t *testing.T) {
	bubble(t, oauthtest.Options{}, func(t *testing.T, w *world) {
		w.dir = filepath.Join(t.TempDir(), "missing", "oauth")
		g := oauth.Grant{Name: "test", TokenURL: w.p.URL() + "/token", ClientID: "client", Scopes: []string{"mail"}, Flow: oauth.FlowApp,
			Secret: func(context.Context) (string, error) { return "s", nil }}
		c, err := oauth.New(g, oauth.Options{Transport: w.p}, oauth.POP)
		if err != nil {
			t.Fatal(err)
		}
		s, err := New(Options{Dir: w.dir}).Source(c, "work", "work@example.org")
		if err != nil {
			t.Fatal(err)
		}
		first := w.good(s, "")
		if again := w.good(s, ""); again != first || w.p.Counts().Requests != 1 {
			t.Errorf("%d requests", w.p.Counts().Requests)
		}
		if again, err := s.Token(t.Context(), first); again != "" || err != nil || w.p.Counts().Requests != 1 {
			t.Errorf("refused: %v, %d requests", err, w.p.Counts().Requests)
		}
		sleepFor(time.Hour)
		if w.good(s, "") == first {
			t.Error("a token that has ended is given")
		}
		w.p.Fail(oauthtest.Fault{Status: 503})
		sleepFor(time.Hour)
		w.bad(s, oauth.Temporary)
		if _, err := os.Stat(filepath.Dir(w.dir)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("something was made: %v", err)
		}
		w.bad(w.source("other"), oauth.NeedLogin)
	})
}

// A token that the mail server refuses, and a fresh one too, is known as that until another was let in.
func TestRefusedIsKnown(t *testing.T) {
	bubble(t, oauthtest.Options{Rotation: oauthtest.Lenient}, func(t *testing.T, w *world) {
		s := w.source("work")
		w.login(s)
		rec, ok, err := s.Get(t.Context())
		if err != nil || !ok || w.status(s).Refused {
			t.Fatalf("%v, %v, %+v", ok, err, w.status(s))
		}
		if err := s.Spurn(t.Context(), rec); err != nil || !w.status(s).Refused {
			t.Errorf("%v, %+v", err, w.status(s))
		}
		sleepFor(time.Minute)
		next := w.good(s, "")
		if w.status(s).Refused {
			t.Error("a fresh one is known as refused before it was tried")
		}
		if again, err := s.Token(t.Context(), next); again != "" || err != nil || !w.status(s).Refused {
			t.Errorf("refused too: %v, %+v", err, w.status(s))
		}
		w.login(s)
		if w.status(s).Refused {
			t.Error("after another login")
		}
	})
}
