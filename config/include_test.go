package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Fifty accounts are fifty times what differs.
func TestDefaults(t *testing.T) {
	const defaults = `[defaults]
host = "pop.example.org"
tls = "starttls"
delete = "30d"
password_file = "/secrets/{account}"
[[defaults.deliver]]
type = "maildir"
path = "/mail/{account}"
[[defaults.deliver]]
type = "command"
command = ["/bin/cat", "{account}", "{sender}"]
required = false
`
	cfg := mustParse(t, defaults+`
[account.anna]
username = "anna@example.org"
[account.ben]
username = "ben@example.org"
delete = "never"
tls = "implicit"
password_command = ["pass"]
[[account.ben.deliver]]
type = "maildir"
path = "/elsewhere"
`)
	if len(cfg.Accounts) != 2 {
		t.Fatal(cfg.Accounts)
	}
	a, b := cfg.Accounts[0], cfg.Accounts[1]
	if a.Host != "pop.example.org" || a.Port != 110 || a.TLS != TLSStartTLS || a.Delete.Age != 30*24*time.Hour || a.Secret.File != "/secrets/anna" ||
		len(a.Deliver) != 2 || a.Deliver[0].Path != "/mail/anna" || a.Deliver[1].Command.Args[1] != "anna" || a.Deliver[1].Command.Args[2] != "{sender}" || a.Deliver[1].Required {
		t.Errorf("%+v", a)
	}
	if b.Host != "pop.example.org" || b.Port != 995 || b.TLS != TLSImplicit || b.Delete.Kind != DeleteNever || b.Secret.Kind != SecretCommand || b.Secret.File != "" ||
		len(b.Deliver) != 1 || b.Deliver[0].Path != "/elsewhere" {
		t.Errorf("%+v", b)
	}
	for _, tc := range []struct{ doc, want string }{
		{defaults + "[account.a]\n", "f:13: account.a.username: missing"},
		{strings.Replace(defaults, "tls = ", "tsl = ", 1) + "[account.a]\nusername = 'u'\n[account.b]\nusername = 'u'\n", `f:3: defaults.tsl: unknown key (did you mean "tls"?)`},
		{strings.Replace(defaults, "30d", "soon", 1) + "[account.a]\nusername = 'u'\n[account.b]\nusername = 'u'\n",
			`f:4: defaults.delete: "soon" is not a policy ("never", "after-delivery", or an age such as "30d")`},
		{strings.Replace(defaults, "starttls", "none", 1) + "[account.a]\nusername = 'u'\n",
			`f:13: account.a.tls: would send the password to "pop.example.org" in the clear (use "implicit" or "starttls"; if you accept the risk, insecure_plaintext = true)`},
		{strings.Replace(defaults, "/mail/{account}", "/mail/{acount}", 1) + "[account.a]\nusername = 'u'\n",
			`f:8: defaults.deliver[0].path: holds a word in braces that means nothing ({account} is the name of the account)`},
		{"defaults = 1\n" + account(""), "f:1: defaults: must be a table, not a number (write [defaults] and its keys below)"},
		{"include = ['x']\n" + account(""), "f:1: include: is only possible in a file"},
		{strings.Replace(defaults, "host =", "password = 'x'\nhost =", 1) + "[account.a]\nusername = 'u'\n", "f:6: defaults.password_file: more than one source of the secret: password, password_file (keep one)"},
	} {
		_, err := Parse("f", []byte(tc.doc), home, Options{})
		if err == nil || err.Error() != tc.want {
			t.Errorf("got  %v\nwant %s", err, tc.want)
		}
	}
}

// Accounts may have files of their own, and every problem names the file and the line.
func TestInclude(t *testing.T) {
	const one = "[account.%]\nusername = 'u'\n"
	const main = "include = ['accounts.d/*.toml']\n[defaults]\nhost = 'h'\npassword_file = '/s'\n[[defaults.deliver]]\ntype = 'maildir'\npath = '/mail/{account}'\n"
	account := func(name string) string { return strings.ReplaceAll(one, "%", name) }
	for name, tc := range map[string]struct {
		main  string
		files map[string]string
		mode  os.FileMode
		names string
		want  string // DIR stands for the folder
	}{
		"several": {main: main + account("m"), files: map[string]string{"accounts.d/b.toml": account("b"), "accounts.d/a.toml": account("a") + account("c"),
			"accounts.d/.hidden.toml": "no", "accounts.d/old.toml~": "no"}, names: "a b c m"},
		"by name":    {main: strings.Replace(main, "accounts.d/*.toml", "x.toml", 1), files: map[string]string{"x.toml": account("x")}, names: "x"},
		"twice":      {main: strings.Replace(main, "['", "['accounts.d/a.toml', '", 1), files: map[string]string{"accounts.d/a.toml": account("a")}, names: "a"},
		"absolute":   {main: strings.Replace(main, "accounts.d", "DIR/accounts.d", 1), files: map[string]string{"accounts.d/a.toml": account("a")}, names: "a"},
		"none there": {main: main + account("m"), files: map[string]string{"accounts.d/readme": ""}, names: "m"},

		"no folder": {main: main + account("m"), want: "DIR/c.toml:1: include[0]: DIR/accounts.d: there is no such folder (make it, or take it out of include)"},
		"no file": {main: strings.Replace(main, "accounts.d/*.toml", "x.toml", 1) + account("m"),
			want: "DIR/x.toml: there is no such file (write one, config.example.toml shows how, or name another by --config)"},
		"same name": {main: main + account("a"), files: map[string]string{"accounts.d/a.toml": "\n" + account("a")},
			want: "DIR/accounts.d/a.toml:2: account.a: there is an account of that name in DIR/c.toml:8 too (give one of them another name)"},
		"same name in two": {main: main, files: map[string]string{"accounts.d/a.toml": account("a"), "accounts.d/b.toml": "\n" + account("a")},
			want: "DIR/accounts.d/b.toml:2: account.a: there is an account of that name in DIR/accounts.d/a.toml:1 too (give one of them another name)"},
		"something else": {main: main, files: map[string]string{"accounts.d/a.toml": "parallel = 3\n" + account("a")},
			want: "DIR/accounts.d/a.toml:1: parallel: only accounts may stand in an included file (write it into DIR/c.toml)"},
		"syntax": {main: main + account("m"), files: map[string]string{"accounts.d/a.toml": account("a") + "[account.b\n"},
			want: "DIR/accounts.d/a.toml:3: syntax error: in a table's name (write [name] or [[name]])"},
		"mistakes in both": {main: main + account("m") + "limit = -1\n", files: map[string]string{"accounts.d/a.toml": account("a") + "\nlimt = 1\n[[account.a.deliver]]\ntype = 'maildir'\npth = '/x'\n"},
			want: "DIR/accounts.d/a.toml:4: account.a.limt: unknown key (did you mean \"limit\"?)\n" +
				"DIR/accounts.d/a.toml:5: account.a.deliver[0].path: missing (the folder of the Maildir)\n" +
				"DIR/accounts.d/a.toml:7: account.a.deliver[0].pth: unknown key (did you mean \"path\"?)\n" +
				"DIR/c.toml:10: account.m.limit: -1 is too small, the least is 0"},
		"a list": {main: main, files: map[string]string{"accounts.d/a.toml": "[[account]]\nhost = 'x'\n"},
			want: "DIR/accounts.d/a.toml:1: account: accounts are tables with names (write [account.NAME], for example [account.work])\nDIR/c.toml: account: no account (add [account.NAME] with host, username and [[account.NAME.deliver]])"},
		"no list":           {main: "include = 'x'\n" + main[strings.Index(main, "\n")+1:] + account("m"), want: "DIR/c.toml:1: include: must be a list of files, not a text (write include = [\"accounts.d/*.toml\"])"},
		"folders by star":   {main: strings.Replace(main, "accounts.d/*.toml", "*/a.toml", 1) + account("m"), want: "DIR/c.toml:1: include[0]: \"*/a.toml\": only the last part of a path may have * or ? (name the folders one by one)"},
		"a secret in sight": {main: main, mode: 0o644, files: map[string]string{"accounts.d/a.toml": account("a") + "password = '" + marker + "'\n"}, want: "DIR/accounts.d/a.toml:3: account.a.password: the file holds a secret and others may open it (mode 0644) (chmod 600 DIR/accounts.d/a.toml)"},
		"written by others": {main: main + account("m"), mode: 0o646, files: map[string]string{"accounts.d/a.toml": account("a")}, want: "DIR/accounts.d/a.toml: can't be trusted: others can write to DIR/accounts.d/a.toml (mode 0646) (chmod o-w DIR/accounts.d/a.toml)"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			here := func(s string) string { return strings.ReplaceAll(s, "DIR", dir) }
			file := filepath.Join(dir, "c.toml")
			writeFile(t, file, here(tc.main), 0o600)
			for path, text := range tc.files {
				mode := tc.mode
				if mode == 0 {
					mode = 0o600
				}
				writeFile(t, filepath.Join(dir, path), text, mode)
			}
			cfg, err := Load(file, home, Options{})
			if tc.want != "" {
				if err == nil || err.Error() != here(tc.want) {
					t.Errorf("got  %v\nwant %s", err, here(tc.want))
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, a := range cfg.Accounts {
				names = append(names, a.Name)
				if a.Deliver[0].Path != "/mail/"+a.Name {
					t.Errorf("%+v", a)
				}
			}
			if got := strings.Join(names, " "); got != tc.names {
				t.Errorf("accounts %s, want %s", got, tc.names)
			}
		})
	}
}

// Who changed an included file has changed the configuration: a login that was given up is tried again.
func TestEditionOfIncluded(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "c.toml")
	writeFile(t, file, "include = ['a.toml']\n", 0o600)
	writeFile(t, filepath.Join(dir, "a.toml"), account(""), 0o600)
	first, err := Load(file, home, Options{})
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "a.toml"), account("")+"\n", 0o600)
	second, err := Load(file, home, Options{})
	if err != nil || first.Edition == second.Edition || first.Edition == "" {
		t.Errorf("%q and %q, %v", first.Edition, second.Edition, err)
	}
}
