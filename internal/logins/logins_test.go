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
		"home/x":       "account home has no destination x",
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
