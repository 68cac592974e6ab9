package config

import (
	"slices"
	"strings"
	"testing"
)

const gmailDoc = "[oauth.google]\nprovider = \"google\"\nclient_id = \"c\"\nclient_secret = \"s\"\n[account.a]\nhost = \"pop.example.org\"\nusername = \"u\"\npassword = \"x\"\n" +
	"[[account.a.deliver]]\ntype = \"gmail\"\n"

func TestGmail(t *testing.T) {
	d := mustParse(t, gmailDoc+"username = \"me@gmail.com\"\noauth = \"google\"\n").Accounts[0].Deliver[0]
	g := d.Gmail
	if g.Address != "gmail.googleapis.com:443" || g.Secret.OAuth != "google" || !slices.Equal(g.Labels, []string{"INBOX", "UNREAD"}) || g.NeverSpam || g.DateSource != DateHeader ||
		d.Connections != 2 || d.Trace || d.Name != "gmail" {
		t.Errorf("%+v, %+v", d, g)
	}
	d = mustParse(t, gmailDoc+"username = \"me@gmail.com\"\noauth = \"google\"\nlabels = []\nconnections = 1\nnever_spam = true\ndate_source = \"received\"\naddress = \"localhost:8443\"\n").Accounts[0].Deliver[0]
	if g := d.Gmail; g.Address != "localhost:8443" || len(g.Labels) != 0 || !g.NeverSpam || g.DateSource != DateReceived || d.Connections != 1 {
		t.Errorf("%+v, %+v", d, g)
	}
}

func TestGmailRefused(t *testing.T) {
	const good = "username = \"me@gmail.com\"\noauth = \"google\"\n"
	for keys, want := range map[string]string{
		"oauth = \"google\"\n":                          "deliver[0].username: missing",
		"username = \"me@gmail.com\"\n":                 "deliver[0].oauth: missing",
		good + "password = \"x\"\n":                     "password: is for type",
		"username = \"me@gmail.com\"\noauth = \"no\"\n": "there is no [oauth.no]",
		good + "labels = [\"\"]\n":                      "must not be empty",
		good + "labels = [\"Trash\"]\n":                 "delete the mail after 30 days",
		good + "labels = [\"DRAFT\"]\n":                 "no label that mail can get",
		good + "labels = [\"a\\tb\"]\n":                 "control character",
		good + "labels = \"INBOX\"\n":                   "must be a list",
		good + "labels = [\"A\", \"a\"]\n":              "there already",
		good + "date_source = \"Date\"\n":               "not one of header, received",
		good + "address = \"unix:/x\"\n":                "a unix socket is for type lmtp",
		good + "tls = \"none\"\n":                       "tls: is for type",
	} {
		_, err := Parse("config.toml", []byte(gmailDoc+keys), home, Options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", keys, err, want)
		}
	}
	from := strings.NewReplacer("pop.example.org", "pop.gmail.com", "username = \"u\"", "username = \"recent:Me@gmail.com\"").Replace(gmailDoc + good)
	if _, err := Parse("config.toml", []byte(from), home, Options{}); err == nil || !strings.Contains(err.Error(), "fetched from") {
		t.Errorf("the mailbox that is fetched from: %v", err)
	}
	bare := strings.Replace(from, "recent:Me@gmail.com", "M.E@googlemail.com", 1)
	if _, err := Parse("config.toml", []byte(bare), home, Options{}); err == nil || !strings.Contains(err.Error(), "fetched from") {
		t.Errorf("the mailbox that is fetched from, by another of its names: %v", err)
	}
}
