package logins

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/internal/checkup"
	"github.com/popsync/popsync/internal/console"
	"github.com/popsync/popsync/internal/control"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/oauth"
	"github.com/popsync/popsync/internal/oauth/tokens"
)

// holderIn is a login whose token is kept in dir.
func holderIn(t *testing.T, dir, account, destination string) Holder {
	t.Helper()
	g := oauth.Grant{Name: "g", AuthURL: "https://h/a", TokenURL: "https://h/t", ClientID: "c", Scopes: []string{"s"}}
	h := Holder{Account: account, Destination: destination, Username: "u", Grant: "g"}
	h.Source = func(flow oauth.Flow) (*tokens.Source, *oauth.Client, error) {
		c, err := oauth.New(g, oauth.Options{}, oauth.POP)
		if err != nil {
			return nil, nil, err
		}
		s, err := tokens.New(tokens.Options{Dir: dir}).Source(c, h.Name(), h.Username)
		return s, c, err
	}
	return h
}

// deskOf is a desk of an account with an OAuth login, and one whose destination has one.
func deskOf(t *testing.T) (*Desk, *bytes.Buffer) {
	dir := t.TempDir()
	var out bytes.Buffer
	return &Desk{
		Console: &console.Console{Out: &out, Err: io.Discard}, StateDir: dir,
		Holders: Holders{holderIn(t, dir, "work", ""), holderIn(t, dir, "home", "relay")},
		Destinations: func(account string) ([]string, error) {
			switch account {
			case "work", "plain":
				return []string{"maildir"}, nil
			case "home":
				return []string{"maildir", "relay"}, nil
			}
			return nil, errors.New("there is no such account")
		},
		Daemon: func(context.Context) (*control.Client, control.Status, error) {
			return nil, control.Status{}, control.ErrNoDaemon
		},
	}, &out
}

func given(t *testing.T, ends time.Time) oauth.Token {
	t.Helper()
	return oauth.Token{Access: oauth.NewSecret("MARKER"), Refresh: oauth.NewSecret("MARKER"), Got: time.Now(), RefreshExpires: ends}
}

// Whoever names what does not log in by OAuth is told which one does.
func TestHolderThatIsMeant(t *testing.T) {
	d, _ := deskOf(t)
	for arg, want := range map[string]string{
		"work": "", "home/relay": "",
		"nobody":       "there is no such account",
		"nobody/x":     "there is no such account",
		"g":            "there is no account g; [oauth.g] is no account; it is used by: work, home/relay; popsync login work",
		"relay":        "there is no account relay; a destination is named with its account: home/relay; popsync login home/relay",
		"home/x":       "account home has no destination x; say one of these: maildir, relay",
		"home":         "home does not log in by OAuth; popsync login home/relay",
		"home/maildir": "home/maildir does not log in by OAuth; popsync login home/relay",
		"plain":        `plain does not log in by OAuth, so there is nothing to do; set oauth = "NAME"`,
	} {
		h, err := d.holder(arg)
		if want == "" {
			if err != nil || h.Name() != arg {
				t.Errorf("%s: %v", arg, err)
			}
			continue
		}
		text, hint := exit.Apart(err)
		if !strings.HasPrefix(text+"; "+hint, want) {
			t.Errorf("%s: %s; %s", arg, text, hint)
		}
	}
}

// What a command hands over is stored for the one who is named, and shown nowhere.
func TestDaemonStoresAndRemoves(t *testing.T) {
	d, out := deskOf(t)
	g := control.Grant{Account: "home", Destination: "relay", Name: "g", Token: given(t, time.Time{}).Encode()}
	for _, other := range []control.Grant{
		{Account: "home", Name: "g"}, {Account: "home", Destination: "relay", Name: "h"}, {Account: "x", Destination: "relay", Name: "g"},
	} {
		other.Token = g.Token
		err := d.Holders.Grant(t.Context(), other)
		_, rerr := d.Holders.Logout(t.Context(), other)
		for _, err := range []error{err, rerr} {
			if _, ok := errors.AsType[*control.UnknownError](err); !ok {
				t.Errorf("%s/%s %s: %v", other.Account, other.Destination, other.Name, err)
			}
		}
	}
	broken := g
	broken.Token = []byte(`{"MARKER"`)
	if err := d.Holders.Grant(t.Context(), broken); err == nil || strings.Contains(err.Error(), "MARKER") {
		t.Errorf("of no token: %v", err)
	}
	if err := d.Holders.Grant(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	if err := d.Status([]string{"home/relay"}); err != nil {
		t.Errorf("stored: %v", err)
	}
	if revoked, err := d.Holders.Logout(t.Context(), g); revoked || err != nil { // no revoke_url
		t.Errorf("removed: %v, %v", revoked, err)
	}
	if err := d.Status(nil); exit.CodeOf(err) != exit.Login {
		t.Errorf("removed: %v", err)
	}
	if text := out.String(); strings.Contains(text, "MARKER") || !strings.Contains(text, "Next step: popsync login home/relay\n") {
		t.Error(text)
	}
}

// Status says of each login what is wrong and what to do, and its exit code tells.
func TestStatusTellsTheTruth(t *testing.T) {
	now := time.Now()
	for name, tt := range map[string]struct {
		set  func(g *oauth.Grant, token *oauth.Token) // nil: nobody has logged in
		then func(t *testing.T, s *tokens.Source, token oauth.Token)
		code int
		says []string
	}{
		"nobody":       {code: exit.Login, says: []string{"nobody has logged in", "Next step: popsync login work"}},
		"well":         {set: func(*oauth.Grant, *oauth.Token) {}, says: []string{"logged in, ", "no end known"}},
		"ends soon":    {set: func(_ *oauth.Grant, token *oauth.Token) { token.RefreshExpires = now.Add(time.Hour) }, says: []string{"the login ends in 1h"}},
		"ended":        {set: func(_ *oauth.Grant, token *oauth.Token) { token.RefreshExpires = now.Add(-time.Hour) }, code: exit.Login, says: []string{"the login ended on ", "Next step: log in again: popsync login work"}},
		"secret":       {set: func(g *oauth.Grant, _ *oauth.Token) { g.SecretEnds = now.Add(30 * 24 * time.Hour) }, says: []string{"the client secret ends in "}},
		"secret ended": {set: func(g *oauth.Grant, _ *oauth.Token) { g.SecretEnds = now.Add(-time.Hour) }, code: exit.Config, says: []string{"the client secret ended on ", "make a new one at the provider", "client_secret_ends"}},
		"unused":       {set: func(g *oauth.Grant, token *oauth.Token) { g.Provider, token.Got = "microsoft", now.AddDate(0, 0, -100) }, code: exit.Login, says: []string{"unused, the login ended on ", "popsync login work"}},
		"no client":    {set: func(g *oauth.Grant, _ *oauth.Token) { g.ClientID = "" }, code: exit.Config, says: []string{"no client_id", "Next step: register a client of your own"}},
		"refused": {set: func(*oauth.Grant, *oauth.Token) {}, code: exit.Login, says: []string{"the mail server refuses it", "Next step: check username, and whether the mailbox allows this protocol; see what the mail server says: popsync check work"},
			then: func(t *testing.T, s *tokens.Source, token oauth.Token) {
				if err := s.Spurn(t.Context(), token); err != nil {
					t.Error(err)
				}
			}},
	} {
		t.Run(name, func(t *testing.T) {
			dir, secret := t.TempDir(), func(context.Context) (string, error) { return "s", nil }
			g := oauth.Grant{Name: "g", AuthURL: "https://h/a", TokenURL: "https://h/t", ClientID: "c", Scopes: []string{"s"}, Flow: oauth.FlowLoopback, Secret: secret}
			h := Holder{Account: "work", Username: "u", Grant: "g", Source: func(oauth.Flow) (*tokens.Source, *oauth.Client, error) {
				c, err := oauth.New(g, oauth.Options{}, oauth.POP)
				if err != nil {
					return nil, nil, err
				}
				s, err := tokens.New(tokens.Options{Dir: dir}).Source(c, "work", "u")
				return s, c, err
			}}
			token := oauth.Token{Access: oauth.NewSecret("MARKER"), Refresh: oauth.NewSecret("MARKER"), Got: now}
			if tt.set != nil {
				s, _, err := h.Source("")
				if err != nil {
					t.Fatal(err)
				}
				tt.set(&g, &token)
				if err := s.Put(t.Context(), token); err != nil {
					t.Fatal(err)
				}
				if tt.then != nil {
					tt.then(t, s, token)
				}
			}
			var out bytes.Buffer
			other := holderIn(t, dir, "home", "relay")
			d := &Desk{Console: &console.Console{Out: &out, Err: io.Discard}, StateDir: dir, Holders: Holders{h, other}}
			o, _, err := other.Source("")
			if err == nil {
				err = o.Put(t.Context(), oauth.Token{Access: oauth.NewSecret("MARKER"), Refresh: oauth.NewSecret("MARKER"), Got: now})
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := d.Status(nil); exit.CodeOf(err) != tt.code {
				t.Errorf("exit code %d, want %d: %v", exit.CodeOf(err), tt.code, err)
			}
			text := out.String()
			for _, w := range append(tt.says, "home/relay (g): logged in") { // one that is wrong does not hide the others
				if !strings.Contains(text, w) {
					t.Errorf("it lacks %q:\n%s", w, text)
				}
			}
			if strings.Contains(text, "MARKER") {
				t.Error(text)
			}
		})
	}
}

// What needs no person is not begun with one.
func TestLoginOfWhatNeedsNoPerson(t *testing.T) {
	h := Holder{Account: "work", Username: "u", Grant: "g", Source: func(flow oauth.Flow) (*tokens.Source, *oauth.Client, error) {
		g := oauth.Grant{Name: "g", TokenURL: "https://h/t", DeviceURL: "https://h/d", ClientID: "c", Scopes: []string{"s"}, Flow: oauth.FlowApp,
			Secret: func(context.Context) (string, error) { return "s", nil }}
		if flow != "" {
			g.Flow = flow
		}
		c, err := oauth.New(g, oauth.Options{}, oauth.POP)
		return nil, c, err
	}}
	d, _ := deskOf(t)
	d.Holders = Holders{h}
	text, next := exit.Apart(d.Login(t.Context(), "work", oauth.FlowDevice))
	if text != `no person logs in for work: [oauth.g] has flow = "app"` || next != "popsync login work" {
		t.Errorf("%s; %s", text, next)
	}
}

// After a login by hand, nothing is tried by itself.
func TestNextStepByHand(t *testing.T) {
	h := Holder{Account: "work"}
	for _, hint := range []string{"it is tried again later", "the name could not be looked up; it is tried again later", "", "the next pass tries again; if it goes on, see"} {
		err := h.failed(&oauth.Error{Class: oauth.Temporary, What: "logging in", Hint: hint})
		if _, next := exit.Apart(err); !strings.Contains(next, "try again later: popsync login work") || exit.CodeOf(err) != exit.Temp {
			t.Errorf("%q: %q", hint, next)
		}
	}
}

// Check says the same as status does, or why nobody can log in.
func TestCheckOfALogin(t *testing.T) {
	d, _ := deskOf(t)
	h := d.Holders[0]
	var s checkup.Sheet
	if e, ok := errors.AsType[*oauth.Error](h.Check(&s, "")); !ok || e.Class != oauth.NeedLogin || e.Account != "work" {
		t.Errorf("nobody is logged in: %v", e)
	}
	source, _, err := h.Source("")
	if err != nil {
		t.Fatal(err)
	}
	if err := source.Put(t.Context(), given(t, time.Time{})); err != nil {
		t.Fatal(err)
	}
	if err := h.Check(&s, ""); err != nil {
		t.Error(err)
	}
}

// What ends soonest is told; of others' logins nothing.
func TestEnding(t *testing.T) {
	d, _ := deskOf(t)
	now := time.Now()
	if _, _, unknown := d.Holders.Ending("work", now); !unknown {
		t.Error("nobody has logged in, and something is known")
	}
	source, _, err := d.Holders[0].Source("")
	if err != nil {
		t.Fatal(err)
	}
	if err := source.Put(t.Context(), given(t, now.AddDate(0, 0, 90))); err != nil {
		t.Fatal(err)
	}
	for days, want := range map[int]string{0: "", 84: "the login by OAuth (g) ends on "} {
		what, _, unknown := d.Holders.Ending("work", now.AddDate(0, 0, days))
		if unknown || !strings.HasPrefix(what, want) || want == "" && what != "" {
			t.Errorf("after %d days: %q, %v", days, what, unknown)
		}
	}
	if what, _, unknown := d.Holders.Ending("plain", now); what != "" || unknown {
		t.Errorf("of an account without: %q, %v", what, unknown)
	}
}

// Without a terminal nobody can be asked, which is found out before anything is.
func TestLoginWantsATerminal(t *testing.T) {
	d, _ := deskOf(t)
	d.Undo = &console.Undo{}
	in, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	d.In = in
	text, hint := exit.Apart(d.Login(t.Context(), "work", ""))
	if !strings.HasPrefix(text, "there is no terminal") || !strings.Contains(hint, "popsync login work") {
		t.Errorf("%s; %s", text, hint)
	}
}

// A state of somebody else's is not touched, and the line to type instead is whole.
func TestOthersState(t *testing.T) {
	d, _ := deskOf(t)
	if err := d.ownState("login work"); err != nil {
		t.Errorf("our own: %v", err)
	}
	if d.StateDir = filepath.Join(d.StateDir, "new", "er"); d.ownState("login work") != nil {
		t.Error("below our own")
	}
	if os.Geteuid() == 0 {
		d.StateDir = t.TempDir()
		if err := os.Chown(d.StateDir, 12345, -1); err != nil {
			t.Fatal(err)
		}
	} else {
		d.StateDir = "/"
	}
	d.ConfigFile = "/etc/my conf"
	if _, hint := exit.Apart(d.ownState("login work")); !strings.HasPrefix(hint, "sudo -u ") || !strings.HasSuffix(hint, "popsync --config '/etc/my conf' login work") {
		t.Error(hint)
	}
}
