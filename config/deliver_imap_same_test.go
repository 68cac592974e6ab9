package config

import (
	"strings"
	"testing"
)

// What would put each message back into the mailbox that it is fetched from is refused.
func TestSameMailbox(t *testing.T) {
	for _, c := range []struct {
		host, user, address, username, folder string
		same                                  bool
	}{
		{"pop.example.org", "me@example.org", "imap.example.org:993", "me@example.org", "", true},
		{"pop.example.org", "me@example.org", "imap.example.org", "ME@example.org", "inbox", true},
		{"mail.example.org", "me", "mail.example.org:143", "me", "INBOX", true},
		{"127.0.0.1", "me", "127.0.0.1:1143", "me", "", true},
		{"pop.example.org", "me@example.org", "imap.example.org:993", "me@example.org", "Archive", false},
		{"pop.example.org", "me@example.org", "imap.example.org:993", "you@example.org", "", false},
		{"pop.gmail.com", "recent:me@gmail.com", "imap.gmail.com:993", "me@gmail.com", "", true},
		{"pop.gmail.com", "me@gmail.com", "imap.googlemail.com", "Me", "", true},
		{"pop.gmail.com", "a.me@gmail.com", "imap.gmail.com", "ame@googlemail.com", "", true},
		{"pop.gmail.com", "recent:me@example.org", "imap.gmail.com", "me@example.org", "", true},
		{"pop.gmail.com", "recent:me@gmail.com", "imap.gmail.com", "me@gmail.com", "Archive", false},
		{"pop.gmail.com", "me@example.org", "imap.gmail.com", "me@gmail.com", "", false},
		{"pop.gmail.com", "me@gmail.com", "imap.gmail.com", "you@gmail.com", "", false},
		{"pop.example.org", "recent:me", "imap.example.org", "me", "", false},
		{"pop.example.org", "me", "imap.example.net:993", "me", "", false},
		{"example.org", "me", "example.net:993", "me", "", false},
		{"10.0.0.1", "me", "11.0.0.1:993", "me", "", false},
	} {
		text := "[account.a]\nhost = \"" + c.host + "\"\nusername = \"" + c.user + "\"\npassword = \"x\"\n[[account.a.deliver]]\ntype = \"imap\"\naddress = \"" +
			c.address + "\"\nusername = \"" + c.username + "\"\npassword = \"x\"\n"
		if c.folder != "" {
			text += "folder = \"" + c.folder + "\"\n"
		}
		_, err := Parse("config.toml", []byte(text), home, Options{})
		if got := err != nil && strings.Contains(err.Error(), "fetched from"); got != c.same {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
