package config

import (
	"slices"
	"strings"
	"testing"
)

const mailFrom = "[account.anna]\nhost = \"pop.example.org\"\nusername = \"me\"\npassword = \"x\"\n"

func TestMbox(t *testing.T) {
	d := mustParse(t, mailFrom+"[[account.anna.deliver]]\ntype = \"mbox\"\npath = \"~/mail/{account}\"\nlock = \"fcntl\"\n").Accounts[0].Deliver[0]
	if d.Mbox == nil || *d.Mbox != (Mbox{"/home/me/mail/anna", "fcntl"}) || d.Trace || d.SpoolMax != defaultSpool || d.Connections != 1 {
		t.Errorf("%+v, %+v", d, d.Mbox)
	}
	for lines, want := range map[string]string{
		"":                               "deliver[0].path: missing",
		`path = ""`:                      "deliver[0].path: missing",
		`path = "mail/anna"`:             "is a relative path",
		"path = \"/m\"\nlock = \"x\"":    "lock: ",
		"path = \"/m\"\nconnections = 2": "connections: is for type",
	} {
		_, err := Parse("config.toml", []byte(mailFrom+"[[account.anna.deliver]]\ntype = \"mbox\"\n"+lines), home, Options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", lines, err, want)
		}
	}
}

// The name of an account is filled in where its mail goes, below it and below [defaults], and nothing else in braces.
func TestAccountInPlaces(t *testing.T) {
	const deliver = "[[%.deliver]]\ntype = \"maildir\"\npath = \"/mail/{account}/{account}\"\n" +
		"[[%.deliver]]\ntype = \"imap\"\naddress = \"imap.example.net\"\nusername = \"me\"\npassword = \"x\"\nfolder = \"From/{account}\"\n"
	for name, text := range map[string]string{
		"of its own": mailFrom + strings.ReplaceAll(deliver, "%", "account.anna"),
		"defaults":   strings.ReplaceAll(deliver, "%", "defaults") + mailFrom,
	} {
		list := mustParse(t, text).Accounts[0].Deliver
		if list[0].Path != "/mail/anna/anna" || list[1].IMAP.Folder != "From/anna" {
			t.Errorf("%s: %q, %q", name, list[0].Path, list[1].IMAP.Folder)
		}
		for _, key := range []string{"/mail/{account}", "From/{account}"} {
			_, err := Parse("config.toml", []byte(strings.Replace(text, key, "/mail/{year}/{account}", 1)), home, Options{})
			if err == nil || !strings.Contains(err.Error(), "{account} is the name of the account") {
				t.Errorf("%s: {year} in place of %s: %v", name, key, err)
			}
		}
	}
}

func TestNewMailCommand(t *testing.T) {
	const deliver = "[[account.anna.deliver]]\ntype = \"maildir\"\npath = \"/mail\"\n"
	for line, want := range map[string][]string{
		"": nil, "new_mail_command = []": nil,
		`new_mail_command = ["~/bin/index", "{account}"]`: {"/home/me/bin/index", "{account}"},
	} {
		if got := mustParse(t, mailFrom+line+"\n"+deliver).Accounts[0].NewMail; !slices.Equal(got, want) {
			t.Errorf("%s: %q", line, got)
		}
	}
	got := mustParse(t, "[defaults]\nnew_mail_command = [\"/bin/index\", \"{account}\"]\n"+mailFrom+deliver).Accounts[0].NewMail
	if !slices.Equal(got, []string{"/bin/index", "anna"}) {
		t.Errorf("of [defaults]: %q", got)
	}
	for _, line := range []string{`new_mail_command = "index"`, `new_mail_command = ["index"]`, `new_mail_command = ["/bin/index all"]`} {
		if _, err := Parse("config.toml", []byte(mailFrom+line+"\n"+deliver), home, Options{}); err == nil || !strings.Contains(err.Error(), "new_mail_command") {
			t.Errorf("%s: %v", line, err)
		}
	}
}

// An argument may be a secret: it is not shown.
func TestNewMailCommandIsDisguised(t *testing.T) {
	got, _ := disguised("new_mail_command", []any{"/bin/tell", "{account}", "hunter2"}, "").([]any)
	if len(got) != 3 || got[0] != "/bin/tell" || got[1] != "{account}" || got[2] != masked {
		t.Errorf("%q", got)
	}
}
