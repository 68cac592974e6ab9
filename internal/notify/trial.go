package notify

import (
	"crypto/rand"
	"os"
	"strings"
	"time"
)

// NewTest is a notice that says of itself that it is a test: of its Kind, in its subject and in its text. Each has an ID of its
// own. It belongs to no incident, and no Notifier knows of it. Host is as in Options.
func NewTest(account, host string, at time.Time) Notice {
	if host == "" {
		host, _ = os.Hostname()
	}
	at = at.Truncate(time.Second)
	return Notice{
		ID: strings.ToLower(rand.Text()) + "-" + Test, Account: account, Host: fitHost(host), Kind: Test, About: groupNames[troubleGroup],
		Since: at, At: at, Cause: Test,
		What:  "nothing: this is a test alarm",
		Means: "Nothing. Your mail is not touched by this.",
		Next:  "Nothing. You may remove this message.",
	}
}
