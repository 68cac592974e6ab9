package config

import (
	"fmt"
	"strings"
	"testing"
)

// odd gives the oddities of a document as "KEY: TEXT".
func odd(t *testing.T, doc string) (all []string) {
	t.Helper()
	for _, o := range mustParse(t, doc).Oddities() {
		if o.Next == "" {
			t.Errorf("%s: no next step", o.Key)
		}
		all = append(all, string(o.Key)+": "+o.Text)
	}
	return all
}

func oneAccount(keys, deliver string) string {
	return "[account.work]\nhost = \"pop.example.org\"\nusername = \"me\"\npassword = \"" + marker + "\"\n" + keys +
		"\n[[account.work.deliver]]\n" + deliver + "\n"
}

const inMaildir = "type = \"maildir\"\npath = \"/home/me/Mail\""

func TestOddValues(t *testing.T) {
	const smtp = "type = \"smtp\"\naddress = \"mx.example.org\"\nto = [\"me@example.org\"]\n"
	for _, tt := range []struct{ keys, deliver, want string }{
		{"", inMaildir, ""},
		{"", "type = \"maildir\"\npath = \"/home/${USER}/Mail\"", "account.work.deliver[0].path: ${USER} is in it"},
		{"", "type = \"maildir\"\npath = \"/home/$USER/Mail\"", "account.work.deliver[0].path: $USER is in it"},
		{"", "type = \"maildir\"\npath = \"/home/%USERNAME%/Mail\"", "account.work.deliver[0].path: %USERNAME% is in it"},
		{"", "type = \"maildir\"\npath = \"/home/a$b/Mail\"", "account.work.deliver[0].path: $b is in it"},
		{"", "type = \"maildir\"\npath = \"/home/100%/Mail\"", ""},
		{"ca_file = \"/etc/$HOST.pem\"", inMaildir, "account.work.ca_file: $HOST is in it"},
		{"", smtp, ""},
		{"", smtp + "from = \"me@example.org\"\nusername = \"${RELAY_USER}\"\npassword = \"" + marker + "\"", "account.work.deliver[0].username: ${RELAY_USER} is in it"},
		{"", smtp + "from = \"${SENDER}@example.org\"", "account.work.deliver[0].from: ${SENDER} is in it"},
		{"", strings.Replace(smtp, "me@", "${ME}@", 1), "account.work.deliver[0].to[0]: ${ME} is in it"},
		{"", smtp + "username = \"u\"\npassword = \"" + marker + "\"", "account.work.deliver[0].from: not set, so each message"},
		{"", smtp + "username = \"u\"\npassword = \"" + marker + "\"\nfrom = \"me@example.org\"", ""},
		{"", smtp + "username = \"u\"\npassword = \"" + marker + "\"\nfrom = \"null\"", ""},
	} {
		got := odd(t, oneAccount(tt.keys, tt.deliver))
		if tt.want == "" && len(got) > 0 || tt.want != "" && (len(got) != 1 || !strings.HasPrefix(got[0], tt.want)) {
			t.Errorf("%s\n%s\ngot %q, want %q", tt.keys, tt.deliver, got, tt.want)
		}
	}
	const token = "TOKEN_m4rk3r"
	doc := "state_dir = \"/var/lib/$USER\"\nalarm.webhook = \"https://h.example.org/${" + token + "}\"\n" +
		strings.Replace(oneAccount("", inMaildir), `username = "me"`, `username = "${MAIL_USER}"`, 1)
	got := strings.Join(odd(t, doc), "\n")
	if want := "state_dir: $USER is in it, and is taken for the name of a folder or file\nalarm.webhook: ${...} is in it, and is not expanded\n" +
		"account.work.username: ${MAIL_USER} is in it, and is taken as it stands"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Who hoped that a variable is expanded, where that cannot even be taken as it stands, is told.
func TestBadValueWithAVariable(t *testing.T) {
	doc := strings.Replace(oneAccount("", inMaildir), "pop.example.org", "${POP_HOST}", 1)
	if _, err := Parse("f", []byte(doc), home, Options{}); err == nil || !strings.Contains(err.Error(), "variables are not expanded") {
		t.Errorf("%v", err)
	}
}

func TestOddPorts(t *testing.T) {
	for _, tt := range []struct {
		tls  string
		port int
		next string // "": not odd
	}{
		{"implicit", 995, ""}, {"starttls", 110, ""}, {"implicit", 1995, ""}, {"starttls", 1110, ""},
		{"implicit", 110, `set tls = "starttls", or the port to 995`}, {"starttls", 995, `set tls = "implicit", or the port to 110`},
	} {
		cfg := mustParse(t, oneAccount(fmt.Sprintf("tls = %q\nport = %d", tt.tls, tt.port), inMaildir))
		got := cfg.Oddities()
		if (len(got) > 0) != (tt.next != "") || len(got) > 0 && (got[0].Next != tt.next || got[0].Key != "account.work.tls") {
			t.Errorf("%s on %d: %+v", tt.tls, tt.port, got)
		}
	}
	for _, tt := range []struct{ tls, address, next string }{
		{"implicit", "mx.example.org:465", ""}, {"starttls", "mx.example.org:587", ""}, {"starttls", "mx.example.org:25", ""},
		{"starttls", "mx.example.org", ""}, {"implicit", "mx.example.org", ""}, {"implicit", "[::1]:2525", ""},
		{"starttls", "mx.example.org:465", `set tls = "implicit", or the port to 587`},
		{"none", "localhost:465", `set tls = "implicit", or the port to 587`},
		{"implicit", "mx.example.org:587", `set tls = "starttls", or the port to 465`},
		{"implicit", "[2001:db8::1]:25", `set tls = "starttls", or the port to 465`},
	} {
		cfg := mustParse(t, oneAccount("", fmt.Sprintf("type = \"smtp\"\naddress = %q\ntls = %q\nto = [\"me@example.org\"]", tt.address, tt.tls)))
		got := cfg.Oddities()
		if (len(got) > 0) != (tt.next != "") || len(got) > 0 && (got[0].Next != tt.next || got[0].Destination != "smtp") {
			t.Errorf("%s on %s: %+v", tt.tls, tt.address, got)
		}
	}
}

func TestOddArguments(t *testing.T) {
	for _, tt := range []struct{ args, want string }{
		{`"/usr/bin/mda", "-f", "{sender}", "-a", "{account}-{id}"`, ""},
		{`"/usr/bin/mda", "-d", "{recipient}"`, "[2]: {recipient} is no placeholder"},
		{`"/usr/bin/mda", "-d", "x-{to}@y"`, "[2]: {to} is no placeholder"},
		{`"/usr/bin/mda", "{sender}{from}"`, "[1]: {from} is no placeholder"},
		{`"/usr/bin/mda", "{h9m4rk3r}"`, "[1]: a word in braces is no placeholder"},
		{`"/usr/bin/mda", "{}", "{1}", "a{b c}"`, ""},
		{`"/usr/bin/mda", "-d", "%T"`, "[2]: %T is no placeholder"},
		{`"/usr/bin/mda", "%s"`, "[1]: %s is no placeholder"},
		{`"/usr/bin/mda", "to=%s"`, "[1]: a \"%\" with a letter"},
		{`"/usr/bin/mda", "100%", "5%25"`, ""},
		{`"/usr/bin/mda", "$HOME/x"`, "[1]: a \"$\" or a backquote"},
		{`"/usr/bin/mda", "${h9m4rk3r}"`, "[1]: a \"$\" or a backquote"},
		{`"/usr/bin/mda", "$(id -un)"`, "[1]: a \"$\" or a backquote"},
		{"\"/usr/bin/mda\", \"`id`\"", "[1]: a \"$\" or a backquote"},
		{`"/usr/bin/mda", "$5.00", "a$"`, "[1]: a \"$\" or a backquote"},
		{`"/usr/bin/mda", "a$", "x$-"`, ""},
		{`"/usr/bin/mda", "~/Mail"`, "[1]: \"~\" at its beginning"},
		{`"/usr/bin/mda", "|", "/usr/bin/other"`, "[1]: \"|\" means something to a shell only"},
		{`"/bin/sh", "-c", "mda -d $USER {recipient} | cat", "x", "%T"`, ""},
		{`"/bin/bash", "-ec", "echo $1"`, ""},
		{`"/usr/bin/python3", "-c", "print('%s' % {x})"`, ""},
		{`"/usr/bin/awk", "{print}"`, ""},
		{`"/bin/sh", "/opt/script", "{recipient}"`, "[2]: {recipient}"},
	} {
		got := odd(t, oneAccount("", "type = \"command\"\ncommand = ["+tt.args+"]"))
		want := "account.work.deliver[0].command" + tt.want
		if tt.want == "" && len(got) > 0 || tt.want != "" && (len(got) != 1 || !strings.HasPrefix(got[0], want)) {
			t.Errorf("%s\ngot %q, want %q", tt.args, got, tt.want)
		}
		if strings.Contains(strings.Join(got, ""), "m4rk3r") {
			t.Errorf("%s: what may be a secret is shown: %q", tt.args, got)
		}
	}
	doc := "alarm.command = [\"/usr/bin/tell\", \"{account}\", \"$USER\"]\n" +
		strings.Replace(oneAccount("", inMaildir), `password = "`+marker+`"`, `password_command = ["pass", "show", "$ACCOUNT"]`, 1)
	got := odd(t, doc)
	if len(got) != 3 || !strings.HasPrefix(got[0], "alarm.command[1]: ") || !strings.HasPrefix(got[1], "alarm.command[2]: ") || !strings.HasPrefix(got[2], "account.work.password_command[2]: ") {
		t.Errorf("%q", got)
	}
}
