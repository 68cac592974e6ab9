package signin

import (
	"fmt"
	"strings"
	"time"

	"github.com/popsync/popsync/internal/foreign"
	"github.com/popsync/popsync/internal/oauth"
	"github.com/popsync/popsync/internal/oauth/tokens"
	"github.com/popsync/popsync/internal/words"
)

// Other is who logged in, if that is somebody else than the login name says, for all that the provider tells; "": it is the same,
// or nobody knows. Names that are no addresses say nothing: a mailbox may have many.
func Other(t oauth.Token, user string) string {
	if !strings.Contains(user, "@") {
		return ""
	}
	other := ""
	for _, name := range []string{t.Name, t.Email} {
		switch {
		case strings.EqualFold(name, user):
			return ""
		case strings.Contains(name, "@"):
			other = foreign.Show([]byte(name), 200)
		}
	}
	return other
}

// Standing is how a login is, in a few words.
func Standing(st tokens.Status, now time.Time) string {
	switch {
	case st.Dead:
		return "ended: " + st.Fault.Error()
	case !st.LoggedIn:
		return "nobody has logged in"
	}
	var parts []string
	switch {
	case st.Alone:
		parts = append(parts, "no person is needed")
	case st.Email != "":
		parts = append(parts, "logged in as "+foreign.Show([]byte(st.Email), 200)+since(st.Login, now))
	default:
		parts = append(parts, "logged in"+since(st.Login, now))
	}
	if !st.Refreshed.IsZero() && !st.Refreshed.Equal(st.Login) {
		parts = append(parts, "last refreshed "+words.Ago(st.Refreshed, now))
	}
	if st.Refused {
		parts = append(parts, "the mail server refuses it")
	}
	if st.Fault != nil {
		parts = append(parts, "the last refresh failed: "+st.Fault.Error())
	}
	return strings.Join(append(parts, Ends(st, now)), "; ")
}

func since(at, now time.Time) string {
	if at.IsZero() {
		return ""
	}
	return ", " + words.Ago(at, now)
}

// Ends is when a login will end by itself, as far as anybody said.
func Ends(st tokens.Status, now time.Time) string {
	if len(st.Ends) == 0 {
		return "no end known"
	}
	var all []string
	for _, e := range st.Ends {
		all = append(all, end(e, now))
	}
	return strings.Join(all, "; ")
}

func end(e tokens.End, now time.Time) string {
	when := "ends " + words.Until(e.At, now)
	if !now.Before(e.At) {
		when = "ended on " + e.At.Format(time.DateOnly)
	}
	switch e.Why {
	case tokens.EndRefresh:
		return "the login " + when + ", as the provider said"
	case tokens.EndTesting:
		return "the login " + when + ": the client is in testing"
	case tokens.EndSecret:
		return "the client secret " + when
	}
	return "unused, the login " + when
}

// Warning is what a person is told before an end and after it, and the next step. who is the account.
func Warning(e tokens.End, grant, who string, now time.Time) (what, next string) {
	when := "ends on " + e.At.Format(time.DateOnly)
	over := !now.Before(e.At)
	if over {
		when = "ended on " + e.At.Format(time.DateOnly)
	}
	switch e.Why {
	case tokens.EndSecret:
		return fmt.Sprintf("the client secret of [oauth.%s] %s, and with it all logins by it", grant, when),
			"make a new one at the provider, put it into the configuration, and change client_secret_ends"
	case tokens.EndTesting:
		return fmt.Sprintf("the login by OAuth (%s) %s: the client is in testing", grant, when),
			"log in again: popsync login " + who + "; publish the client to be rid of this"
	case tokens.EndIdle:
		if over {
			return fmt.Sprintf("the login by OAuth (%s) %s, since it was not refreshed for so long", grant, when), "log in again: popsync login " + who
		}
		return fmt.Sprintf("the login by OAuth (%s) %s unless it is refreshed before", grant, when), "see why popsync gets no new token: popsync login --status"
	}
	return fmt.Sprintf("the login by OAuth (%s) %s, as the provider said", grant, when), "log in again: popsync login " + who
}
