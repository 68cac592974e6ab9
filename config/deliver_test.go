package config

import (
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
)

// destination wraps keys of one destination into a document; they begin at line 5.
func destination(keys string) string {
	return "[account.a]\nhost = 'h.example'\nusername = 'u'\n[[account.a.deliver]]\n" + keys
}

const (
	smtpKeys    = "type = 'smtp'\naddress = 'mx.example'\nto = ['me@x.example']\n" // lines 5 to 7
	lmtpKeys    = "type = 'lmtp'\naddress = 'unix:/s'\nto = ['me@x.example']\n"    // lines 5 to 7
	commandKeys = "type = 'command'\ncommand = ['/bin/true']\n"                    // lines 5 and 6
	maildirKeys = "type = 'maildir'\npath = '/m'\n"                                // lines 5 and 6
)

func deliverOf(t *testing.T, keys string) Deliver {
	t.Helper()
	return mustParse(t, destination(keys)).Accounts[0].Deliver[0]
}

func TestDeliverDefaults(t *testing.T) {
	smtp := SMTP{
		TLS: TLSStartTLS, Auth: AuthAuto, From: "original", To: []string{"me@x.example"}, MessagesPerConnection: 100,
		BareCR: "crlf", LongLines: "send", NUL: "send",
	}
	lmtp := smtp
	smtp.Address = "mx.example:587"
	lmtp.Address, lmtp.TLS = "unix:/s", TLSNone
	for keys, want := range map[string]Deliver{
		maildirKeys: {Path: "/m"},
		smtpKeys:    {SMTP: &smtp},
		lmtpKeys:    {SMTP: &lmtp},
		commandKeys: {Command: &Command{Args: []string{"/bin/true"}, Timeout: 10 * time.Minute, LineEnds: "lf"}},
	} {
		want.Type, _, _ = strings.Cut(strings.TrimPrefix(keys, "type = '"), "'")
		want.Name, want.Required = want.Type, true
		if want.Path == "" {
			want.Trace, want.SpoolMax, want.Connections = true, 1<<30, 1
		}
		if got := deliverOf(t, keys); !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v %+v\nwant %+v %+v", got, got.SMTP, want, want.SMTP)
		}
	}
}

func TestEveryKeyOfDestinationsIsStored(t *testing.T) {
	common := "name = 'n'\nrequired = true\ntrace = false\nspool_max = '2GiB'\nconnections = 50\n"
	got := deliverOf(t, common+`
type = "smtp"
address = "[2001:db8::1]:2525"
tls = "implicit"
ca_file = "~/ca.pem"
insecure_plaintext = true
helo = "me.example"
username = "u"
password_command = ["pw"]
auth = "login"
from = "b+c@x.example"
envelope_header = "X-Original-To"
envelope_skip = 2
envelope_prefix = "x-example-"
allow_domains = ["x.example", "bücher.example"]
messages_per_connection = 10000
add_message_id = true
bare_cr = "refuse"
long_lines = "refuse"
nul = "refuse"
`)
	want := Deliver{Type: "smtp", Name: "n", Required: true, SpoolMax: 2 << 30, Connections: 50, SMTP: &SMTP{
		Address: "[2001:db8::1]:2525", TLS: TLSImplicit, Trust: Trust{CAFile: "/home/me/ca.pem"}, Insecure: true, Helo: "me.example",
		Username: "u", Secret: SecretSource{Kind: SecretCommand, Command: []string{"pw"}}, Auth: AuthLogin,
		From: "b+c@x.example", EnvelopeHeader: "X-Original-To", EnvelopeSkip: 2, EnvelopePrefix: "x-example-", AllowDomains: []string{"x.example", "bücher.example"},
		MessagesPerConnection: 10000, AddMessageID: true, BareCR: "refuse", LongLines: "refuse", NUL: "refuse",
	}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v %+v\nwant %+v %+v", got, got.SMTP, want, want.SMTP)
	}
	got = deliverOf(t, common+"type = 'command'\ncommand = ['~/bin/file', '~', '']\ntimeout = '1h30m'\nline_ends = 'crlf'\n")
	want = Deliver{Type: "command", Name: "n", Required: true, SpoolMax: 2 << 30, Connections: 50,
		Command: &Command{Args: []string{"/home/me/bin/file", "~", ""}, Timeout: 90 * time.Minute, LineEnds: "crlf"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v %+v\nwant %+v %+v", got, got.Command, want, want.Command)
	}
}

func TestDeliverProblems(t *testing.T) {
	for _, tt := range []struct{ keys, want string }{
		// common to all
		{maildirKeys + "required = 'no'", `7: required: must be true or false, not a text (without quotes)`},
		{maildirKeys + "requird = false", `7: requird: unknown key (did you mean "required"?)`},
		{smtpKeys + "spool_max = 0", `8: spool_max: 0 is too small, the least is 1`},
		{smtpKeys + "spool_max = '1G'", `8: spool_max: "1G" is not a size (such as "0", "25MB" or "10MiB")`},
		{commandKeys + "connections = 0", `7: connections: 0 is too small, the least is 1`},
		{lmtpKeys + "connections = 51", `8: connections: 51 is too large, the most is 50`},
		{commandKeys + "trace = 1", `7: trace: must be true or false, not a number (without quotes)`},
		// keys of other types
		{maildirKeys + "spool_max = 5", `7: spool_max: is for type ` + typesWith("spool_max") + ` (this destination has type maildir)`},
		{maildirKeys + "address = 5", `7: address: is for type ` + typesWith("address") + ` (this destination has type maildir)`},
		{smtpKeys + "path = '/m'", `8: path: is for type ` + typesWith("path") + ` (this destination has type smtp)`},
		{lmtpKeys + "timeout = '1m'", `8: timeout: is for type ` + typesWith("timeout") + ` (this destination has type lmtp)`},
		{commandKeys + "password = 'hunter2'", `7: password: is for type ` + typesWith("password") + ` (this destination has type command)`},
		// without a type no key is foreign, but its value counts
		{"path = '/m'\nto = 1\ntimeoutt = '1s'", `4: type: missing (one of ` + allTypes + `)` + "\n" +
			`6: to: must be a list of texts, not a number (write a list of addresses: ["me@example.org"])` + "\n" +
			`7: timeoutt: unknown key (did you mean "timeout"?)`},
		// a command
		{"type = 'command'", `4: command: missing (the program and its arguments, such as ["/usr/bin/maildrop", "-f", "{sender}"])`},
		{"type = 'command'\ncommand = 'maildrop'", `6: command: must be a list of texts, not a text (write a list of texts, such as ["/usr/bin/maildrop", "-f", "{sender}"]; there is no shell)`},
		{"type = 'command'\ncommand = ['maildrop']", `6: command[0]: the program is not an absolute path (write an absolute path or ~/...; it is not searched for in PATH)`},
		{"type = 'command'\ncommand = ['/bin/maildrop -d me']", `6: command[0]: a program and its arguments in one text (write a list of texts, such as ["/usr/bin/maildrop", "-f", "{sender}"]; there is no shell)`},
		{"type = 'command'\ncommand = ['~root/x']", `6: command[0]: only ~ itself is expanded, not ~user (write an absolute path)`},
		{"type = 'command'\ncommand = ['/x', \"\\u0000\"]", `6: command[1]: must not hold a NUL`},
		{"type = 'command'\ncommand = []", `6: command: must not be empty (write a list of texts, such as ["/usr/bin/maildrop", "-f", "{sender}"]; there is no shell)`},
		{commandKeys + "timeout = '0s'", `7: timeout: must be more than 0 (such as "90s", "10m", "12h" or "30d")`},
		{commandKeys + "line_ends = 'LF'", `7: line_ends: "LF" is not one of lf, crlf (did you mean "lf"?)`},
		// a fallback
		{maildirKeys + "fallback = true", `7: fallback: a fallback without another destination (add [[account.a.deliver]] with the destination that it stands in for)`},
		{maildirKeys + "required = false", `4: deliver: no destination is required (remove required = false from one: else mail that arrived nowhere counts as delivered)`},
	} {
		checkDestination(t, tt.keys, tt.want)
	}
}

// checkDestination compares the problems of one destination; want leaves out the path of the table.
func checkDestination(t *testing.T, keys, want string) {
	t.Helper()
	got := problems(t, destination(keys), Options{})
	got = strings.ReplaceAll(strings.ReplaceAll(got, "account.a.deliver[0].", ""), ": account.a.deliver:", ": deliver:")
	if got != want {
		t.Errorf("%s\ngot  %s\nwant %s", keys, got, want)
	}
}

func TestSeveralDestinations(t *testing.T) {
	const twice = "(every message would be there twice)"
	other := func(keys, old, new string) string { return strings.Replace(keys, old, new, 1) + "name = 'q'\n" }
	for _, tt := range []struct{ first, second, want string }{
		{maildirKeys, smtpKeys, ``},
		{maildirKeys, other(maildirKeys, "/m", "/q") + "fallback = true\n", ``},
		{maildirKeys + "fallback = true\n", smtpKeys, ``},
		{maildirKeys + "required = false\n", smtpKeys, ``},
		{maildirKeys + "fallback = true\n", smtpKeys + "required = false\n",
			`deliver: no destination is required (remove required = false from one: else mail that arrived nowhere counts as delivered)`},
		{maildirKeys + "fallback = true\n", smtpKeys + "fallback = true\n",
			`deliver[1].fallback: deliver[0] is a fallback too (an account has at most one)` + "\n" +
				`deliver[1].fallback: a fallback without another destination (add [[account.a.deliver]] with the destination that it stands in for)`},
		{maildirKeys, smtpKeys + "fallback = true\nrequired = false\n", `deliver[1].required: is not for a fallback (it takes what others refuse: leave the key out)`},
		{maildirKeys, smtpKeys + "fallback = true\nrequired = true\n", `deliver[1].required: is not for a fallback (it takes what others refuse: leave the key out)`},
		// the same place
		{maildirKeys, other(maildirKeys, "", "") + "fallback = true\n", `deliver[1].path: deliver[0] has this path too (a fallback needs a place of its own)`},
		{smtpKeys, smtpKeys, `deliver[1].name: deliver[0] has the name "smtp" too (give each its own name)` + "\n" +
			`deliver[1].address: deliver[0] has this address with these recipients too ` + twice},
		{smtpKeys, other(smtpKeys, "mx.example", "MX.example:587"), `deliver[1].address: deliver[0] has this address with these recipients too ` + twice},
		{smtpKeys, other(smtpKeys, "me@x.", "me@X."), `deliver[1].address: deliver[0] has this address with these recipients too ` + twice},
		{smtpKeys, other(smtpKeys, "me@x.", "Me@x."), ``},
		{smtpKeys, other(smtpKeys, "mx.example", "mx.example:25"), ``},
		{lmtpKeys, other(lmtpKeys, "/s", "/S"), ``},
		{lmtpKeys, other(lmtpKeys, "to = ['me", "to = ['you@x.example', 'me"), ``},
		{strings.Replace(lmtpKeys, "['", "['you@x.example', '", 1), other(lmtpKeys, "']", "', 'you@x.example']"), `deliver[1].address: deliver[0] has this address with these recipients too ` + twice},
		{commandKeys, other(commandKeys, "", ""), `deliver[1].command: deliver[0] has this command too ` + twice},
		{commandKeys, other(commandKeys, "']", "', 'x']"), ``},
		// what is not understood is not compared
		{other(lmtpKeys, "unix:", ""), strings.Replace(lmtpKeys, "unix:", "", 1), `deliver[0].address: a path without unix: in front (write unix:/...)` + "\n" +
			`deliver[1].address: a path without unix: in front (write unix:/...)`},
		{other(smtpKeys, "me@", ""), strings.Replace(smtpKeys, "me@", "", 1), `deliver[0].to[0]: "x.example" is not an address (write name@domain, and nothing around it)` + "\n" +
			`deliver[1].to[0]: "x.example" is not an address (write name@domain, and nothing around it)`},
		{other(commandKeys, "/bin/", ""), strings.Replace(commandKeys, "/bin/", "", 1), `deliver[0].command[0]: the program is not an absolute path (write an absolute path or ~/...; it is not searched for in PATH)` + "\n" +
			`deliver[1].command[0]: the program is not an absolute path (write an absolute path or ~/...; it is not searched for in PATH)`},
	} {
		list := "\n[[account.a.deliver]]\n" + tt.first + "\n[[account.a.deliver]]\n" + tt.second
		got := problems(t, "account.a.host = 'h'\naccount.a.username = 'u'"+list, Options{})
		if got = afterLine.ReplaceAllString(got, ""); got != tt.want {
			t.Errorf("%s\ngot  %s\nwant %s", list, got, tt.want)
		}
	}
}

var afterLine = regexp.MustCompile(`(?m)^[0-9]+: account\.a\.`)
