package health

import (
	"errors"
	"testing"
	"time"

	"github.com/popsync/popsync/internal/sasl"
	"github.com/popsync/popsync/pop3"
)

// TestMethod: what logged in is remembered until the setting changes, and only where nobody says how to log in; accounts of before
// go on sending the password.
func TestMethod(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	account := func(f Facts, auth string) *Account {
		return &Account{Facts: f, Config: Config{Identity: "one", Login: pop3.Login{Auth: auth}, Now: func() time.Time { return now }}}
	}
	if got := account(Facts{Setting: "one", LoggedInAt: 1}, "auto").HowToLogIn().Worked; got != sasl.Password {
		t.Errorf("before the upgrade: %q", got)
	}
	if got := account(Facts{Setting: "one"}, "auto").HowToLogIn().Worked; got != "" {
		t.Errorf("new: %q", got)
	}
	a := account(Facts{Setting: "one"}, "auto")
	a.noteMethod(sasl.Outcome{Method: "scram-sha-256"})
	if got := a.HowToLogIn().Worked; got != "scram-sha-256" || a.Weaker != "" {
		t.Error(got, a.Weaker)
	}
	if got := AsRemembered(a.Facts.Encode(), a.Login, "one", now).Worked; got != "scram-sha-256" {
		t.Errorf("check: %q", got)
	}
	if got := AsRemembered(a.Facts.Encode(), a.Login, "two", now).Worked; got != "" {
		t.Errorf("check of another setting: %q", got)
	}
	a.noteMethod(sasl.Outcome{Method: "plain", Weaker: "scram-sha-256"})
	if a.Weaker == "" || a.Method != "plain" {
		t.Error("nothing is told of a weaker login")
	}
	a.noteMethod(sasl.Outcome{Method: "user", AuthUnknown: true})
	if a.Method != "plain" {
		t.Error("a quirk is taken for what works:", a.Method)
	}
	a.Identity = "two"
	if a.Reconfigure(); a.Method != "" {
		t.Error("another setting, and the method stays")
	}
	named := account(Facts{Setting: "one"}, "plain")
	if named.noteMethod(sasl.Outcome{Method: "plain"}); named.Method != "" {
		t.Error("what was named is remembered")
	}
}

// TestTaught: what a destination learned counts for the way in which it is reached.
func TestTaught(t *testing.T) {
	f := Facts{Taught: map[string]Taught{"relay": {What: "plain", Setting: "one"}}, Took: map[string]Took{"relay": {At: 1, Setting: "one"}}}
	if what, worked := f.TaughtTo("relay", "one"); what != "plain" || !worked {
		t.Error(what, worked)
	}
	if what, worked := f.TaughtTo("relay", "two"); what != "" || worked {
		t.Error(what, worked)
	}
}

// TestRefusedText: what the text of a refusal says outranks what is known of the provider.
func TestRefusedText(t *testing.T) {
	r := Refusals{Coded: 2, Text: "Application-specific password required"}
	if got := r.Refusal("a", "the provider's hint").Hint; got == "" || errors.New(got).Error()[:30] != sasl.Read(r.Text).Hint()[:30] {
		t.Error(got)
	}
	r.Text = "no"
	if got := r.Refusal("a", "the provider's hint").Hint; got[:23] != "the provider's hint; th" {
		t.Error(got)
	}
}
