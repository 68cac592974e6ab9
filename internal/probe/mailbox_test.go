package probe

import (
	"crypto/tls"
	"errors"
	"testing"

	"github.com/popsync/popsync/deliver/imap"
	"github.com/popsync/popsync/internal/trust"
)

// What was not seen is not said to be well.
func TestMailboxText(t *testing.T) {
	m := Mailbox{Username: "me", Way: "through a proxy"}
	over := &tls.ConnectionState{Version: tls.VersionTLS13}
	for _, tt := range []struct {
		saw  imap.Sight
		err  error
		want string
	}{
		{imap.Sight{Connected: true}, errors.New("x"), "connected through a proxy"},
		{imap.Sight{Connected: true, TLS: over}, errors.New("x"), "connected through a proxy, " + trust.Describe(*over, "")},
		{imap.Sight{Connected: true, LoggedIn: true, Folder: "INBOX"}, nil, "connected through a proxy, NOT encrypted, logged in as me; the folder INBOX is there; no message was sent"},
		{imap.Sight{Connected: true, LoggedIn: true, TLS: over, Folder: "A", Missing: true, Method: "SCRAM-SHA-256"}, nil,
			"connected through a proxy, " + trust.Describe(*over, "") + ", logged in as me by SCRAM-SHA-256; the folder A is missing, and the first run makes it"},
	} {
		got := m.text(tt.saw, tt.err)
		if got != tt.want {
			t.Errorf("%+v\ngot  %s\nwant %s", tt.saw, got, tt.want)
		}
	}
	for want, saw := range map[string]imap.Sight{
		"the server does not say what it is; what it changes in messages is not known":                              {},
		"the server calls itself X; it has A, B; the largest message that it takes has 1.0 KiB; it changes nothing": {Server: "X", Can: []string{"A", "B"}, Limit: 1024, Alters: "it changes nothing"},
	} {
		if got := mailboxServerText(saw); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
