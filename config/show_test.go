package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// shown is what a configuration of several files comes to; those of DIR are named from there.
func shown(t *testing.T, files map[string]string, ascii bool, accounts ...string) string {
	t.Helper()
	dir := t.TempDir()
	for path, text := range files {
		writeFile(t, filepath.Join(dir, path), text, 0o600)
	}
	m, err := Merge(filepath.Join(dir, "c.toml"), home, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := m.Write(&b, accounts, ascii); err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(b.String(), dir, "DIR")
}

var severalFiles = map[string]string{
	"c.toml": `# a remark
parallel = 3
schedule = "@every 5m"
include = ["more.toml"]
[defaults]
host = "pop.example.org"
delete = "30d"
password_file = "~/{account}.password"
[[defaults.deliver]]
type = "maildir"
path = "~/Mail/{account}"
[[defaults.deliver]]
type = "command"
command = ["/usr/bin/maildrop", "{account}"]
required = false
[alarm]
webhook = "https://chat.example/` + marker + `"
[oauth.m]
client_id = "id"
client_secret = "` + marker + `"
[oauth.other]
client_id = "id"
`,
	"accounts.d/anna.toml": "\n[account.anna]\nusername = \"anna@example.org\"\njitter = '5s'\n",
	"accounts.d/ben.toml":  "[account.ben]\nusername = \"b\u00e9n\u202e\"\noauth = 'm'\n[[account.ben.deliver]]\ntype = 'maildir'\npath = '/\U0001f4ec'\n",
	"more.toml":            "account.\"a.b\".username = 'x'\naccount.\"a.b\".password = '" + marker + "'\naccount.\"a.b\".schedule = '@daily'\n",
}

const (
	headOfAll = "# The configuration as it counts: DIR/c.toml\n" +
		"# and the files of accounts that are read with it. Secrets are not shown.\n" +
		"# Keys that are not here have their defaults: see config.example.toml.\n"
	ofAnna = `
# DIR/accounts.d/anna.toml, line 2
[account.anna]
username = "anna@example.org"
jitter = "5s"
host = "pop.example.org"  # from [defaults]
delete = "30d"  # from [defaults]
password_file = "~/anna.password"  # from [defaults]
schedule = "@every 5m"  # from the top

[[account.anna.deliver]]  # from [defaults]
type = "maildir"
path = "~/Mail/anna"

[[account.anna.deliver]]  # from [defaults]
type = "command"
command = ["/usr/bin/maildrop", "anna"]
required = false
`
	providerM = `
[oauth.m]
client_id = "id"
client_secret = "[redacted]"
`
)

func TestShow(t *testing.T) {
	got := shown(t, severalFiles, false)
	want := headOfAll + `
parallel = 3
schedule = "@every 5m"

[alarm]
webhook = "[redacted]"
` + providerM + `
[oauth.other]
client_id = "id"

# DIR/more.toml, line 1
[account."a.b"]
username = "x"
password = "[redacted]"
schedule = "@daily"
host = "pop.example.org"  # from [defaults]
delete = "30d"  # from [defaults]

[[account."a.b".deliver]]  # from [defaults]
type = "maildir"
path = "~/Mail/a.b"

[[account."a.b".deliver]]  # from [defaults]
type = "command"
command = ["/usr/bin/maildrop", "a.b"]
required = false
` + ofAnna + `
# DIR/accounts.d/ben.toml, line 1
[account.ben]
username = "b` + "\u00e9" + `n\u202e"
oauth = "m"
host = "pop.example.org"  # from [defaults]
delete = "30d"  # from [defaults]
schedule = "@every 5m"  # from the top

[[account.ben.deliver]]
type = "maildir"
path = "/` + "\U0001f4ec" + `"
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := shown(t, severalFiles, true); !strings.Contains(got, `"b\u00e9n\u202e"`) || !strings.Contains(got, `"/\U0001f4ec"`) || strings.ContainsFunc(got, func(r rune) bool { return r > '~' }) {
		t.Errorf("for a screen without more than ASCII\n%s", got)
	}
	if got := shown(t, severalFiles, false, "anna"); got != headOfAll+ofAnna {
		t.Errorf("one account\n%s", got)
	}
	if got := shown(t, severalFiles, false, "ben"); !strings.HasPrefix(got, headOfAll+providerM+"\n# DIR/accounts.d/ben.toml") || strings.Contains(got, "oauth.other") {
		t.Errorf("one account with a provider\n%s", got)
	}
}

// What is shown is a configuration in one file that means the same, where no secret is in it.
func TestShownMeansTheSame(t *testing.T) {
	several := map[string]string{}
	for path, text := range severalFiles {
		text = strings.ReplaceAll(text, "webhook = \"https://chat.example/"+marker+"\"", "")
		text = strings.ReplaceAll(text, "client_secret = \""+marker+"\"", "client_secret_ends = 2027-01-31")
		several[path] = strings.ReplaceAll(text, "password = '"+marker+"'", "limit = 7")
	}
	for name, files := range map[string]map[string]string{
		"several":                      several,
		"example":                      {"c.toml": shownDefault.ReplaceAllString(awake(t), "$1")},
		"a list of tables in one line": {"c.toml": "defaults = {host = 'h', deliver = [{type = 'maildir', path = '/{account}'}, {type = 'lmtp', address = 'localhost:24', to = ['x@y']}]}\naccount.a.username = 'u'\n"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for path, text := range files {
				writeFile(t, filepath.Join(dir, path), text, 0o600)
			}
			want, err := Load(filepath.Join(dir, "c.toml"), home, Options{})
			if err != nil {
				t.Fatal(err)
			}
			text := shown(t, files, true)
			got, err := Parse(want.File, []byte(text), home, Options{})
			if err != nil {
				t.Fatalf("%v\nin\n%s", err, text)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v\nof\n%s", got, want, text)
			}
		})
	}
}

// What is printed in the place of a secret is not tried as one.
func TestDisguiseIsNoPassword(t *testing.T) {
	for doc, want := range map[string]string{
		account("password = '[redacted]'"):                                         "f:2: account.a.password: is what 'popsync config show' prints in its place (write the secret itself)",
		destination(smtpKeys + "username = 'u'\npassword = '[redacted]'\n"):        "password: is what 'popsync config show' prints",
		"[oauth.m]\nclient_id = 'x'\nclient_secret = '[redacted]'\n" + account(""): "client_secret: is what",
		account("password_command = ['/bin/sh', '-c', '[redacted]']"):              "f:2: account.a.password_command[2]: is what 'popsync config show' prints in its place (write the argument itself)",
		account("new_mail_command = ['/bin/tell', '[redacted]']"):                  "new_mail_command[1]: is what",
		account("connect_command = ['/bin/nc', '[redacted]']"):                     "connect_command[1]: is what",
		"[alarm]\ncommand = ['/bin/tell', '[redacted]']\n" + account(""):           "alarm.command[1]: is what",
		"[oauth.m]\nclient_id = 'x'\nissuer = '[redacted]'\n" + account(""):        "issuer",
		"[oauth.m]\nclient_id = 'x'\ntoken_url = '[redacted]'\n" + account(""):     "token_url",
		"[alarm]\nwebhook = '[redacted]'\n" + account(""):                          "alarm.webhook: not a URL",
	} {
		if _, err := Parse("f", []byte(doc), home, Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nwant %s", err, want)
		}
	}
}

// Arguments are shown where they tell something and are no secrets.
func TestDisguisedArguments(t *testing.T) {
	for line, want := range map[string]string{
		"pass show mail/work":                                             "pass show mail/work",
		"/usr/bin/pass show password/work":                                "/usr/bin/pass show password/work",
		"secret-tool lookup user anna":                                    "secret-tool lookup user anna",
		"ssh mail.example.org nc localhost 110":                           "ssh mail.example.org nc localhost 110",
		"gpg --passphrase SECRET -d /p":                                   "gpg --passphrase * -d /p",
		"gpg --passphrase=SECRET -d /p":                                   "gpg * -d /p",
		"/bin/tell-me --of work --password work {new} {host} {port}":      "/bin/tell-me --of work --password * {new} {host} {port}",
		"/bin/tell-me work of+work -p work":                               "/bin/tell-me work * -p *",
		"echo SECRET":                                                     "echo *",
		"sh -c SECRET":                                                    "sh -c *",
		"/bin/tell-me {account} SECRET --x ~/a /b":                        "/bin/tell-me {account} * --x ~/a /b",
		"curl -pSECRET --user=SECRET https://u:SECRET@h/SECRET -H SECRET": "curl * * * -H *",
		"ssh -p 22 -i ~/key h sshpass -p SECRET nc localhost 110":         "ssh -p 22 -i ~/key h sshpass -p * * * *",
		"ssh -4 h /opt/tunnel SECRET":                                     "ssh -4 h /opt/tunnel *",
		"ssh h ssh i echo SECRET":                                         "ssh h ssh i echo *",
		"ssh h sshpass+-p+SECRET+nc":                                      "ssh h *",
		"ssh h":                                                           "ssh h",
		"ssh -p":                                                          "ssh -p",
		"ssh -oPassword=SECRET h":                                         "ssh * h",
	} {
		var args []any
		for _, a := range strings.Fields(line) {
			args = append(args, strings.ReplaceAll(a, "+", " "))
		}
		var got []string
		for _, a := range disguised("command", args, "work").([]any) {
			got = append(got, strings.ReplaceAll(a.(string), masked, "*"))
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%s\ngot  %s\nwant %s", line, s, want)
		}
	}
}

// A URL may have a password or a key in it.
func TestDisguisedURLs(t *testing.T) {
	for _, key := range []string{"issuer", "auth_url", "token_url", "device_url", "revoke_url", "redirect"} {
		for url, want := range map[string]string{
			"https://login.example.org/token":             "https://login.example.org/token",
			"https://u:SECRET@login.example.org/token":    masked,
			"https://login.example.org/token?code=SECRET": masked,
		} {
			if got := disguised(key, url, ""); got != want {
				t.Errorf("%s = %s: %v", key, url, got)
			}
		}
	}
}

// Where the password is that no key names.
func TestShowTellsOfPasswords(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "popsync.b"), "x\n", 0o600)
	file := filepath.Join(dir, "c.toml")
	writeFile(t, file, account("")+strings.ReplaceAll(account(""), "account.a", "account.b"), 0o600)
	m, err := Merge(file, testEnv("HOME", "/home/me", "CREDENTIALS_DIRECTORY", dir), Options{})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := m.Write(&b, nil, false); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"[account.a]  # the password is asked on the terminal\n", "[account.b]  # the password is in " + dir + "/popsync.b\n"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%s is not in\n%s", want, b.String())
		}
	}
}

// A secret is never shown, wherever it stands in what can be read.
func TestShowKeepsSecrets(t *testing.T) {
	doc := strings.ReplaceAll(awake(t), "password_command = [\"pass\", \"show\", \"mail/work\"]", "password = '"+marker+"'")
	if _, err := os.Stat("../config.example.toml"); err != nil || !strings.Contains(doc, marker) {
		t.Fatal("the example has changed", err)
	}
	if got := shown(t, map[string]string{"c.toml": doc}, false); strings.Contains(got, marker) || !strings.Contains(got, `password = "[redacted]"`) {
		t.Errorf("shown:\n%s", got)
	}
}
