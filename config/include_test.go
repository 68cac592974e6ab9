package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
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
	_, unnamed, _ := strings.Cut(main, "\n")
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
		"itself":     {main: strings.Replace(main, "accounts.d/", "", 1) + account("m"), names: "m"},

		"unnamed":             {main: unnamed, files: map[string]string{"accounts.d/b.toml": account("b"), "accounts.d/a.toml": account("a") + account("c"), "accounts.d/.x.toml": "no", "accounts.d/a.password": "no"}, names: "a b c"},
		"unnamed and named":   {main: strings.Replace(main, "accounts.d", "more", 1), files: map[string]string{"accounts.d/b.toml": account("b"), "more/a.toml": account("a")}, names: "a b"},
		"unnamed, none there": {main: unnamed + account("m"), files: map[string]string{"accounts.d/readme": ""}, names: "m"},
		"unnamed, wrong": {main: unnamed, files: map[string]string{"accounts.d/a.toml": account("a") + "hots = 'h'\n", "accounts.d/b.toml": "[account.b\n"},
			want: "DIR/accounts.d/a.toml:3: account.a.hots: unknown key (did you mean \"host\"?)\n" +
				"DIR/accounts.d/b.toml:1: syntax error: in a table's name (write [name] or [[name]])"},
		"unnamed, all wrong": {main: unnamed, files: map[string]string{"accounts.d/b.toml": "[account.b\n"},
			want: "DIR/accounts.d/b.toml:1: syntax error: in a table's name (write [name] or [[name]])"},
		"unnamed, a secret in sight": {main: unnamed, mode: 0o640, files: map[string]string{"accounts.d/a.toml": account("a") + "password = '" + marker + "'\n"},
			want: "DIR/accounts.d/a.toml:3: account.a.password: the file holds a secret and others may open it (mode 0640) (chmod 600 DIR/accounts.d/a.toml)"},
		"unnamed, written by others": {main: unnamed, mode: 0o646, files: map[string]string{"accounts.d/a.toml": account("a")},
			want: "DIR/accounts.d/a.toml: can't be trusted: others can write to DIR/accounts.d/a.toml (mode 0646) (chmod o-w DIR/accounts.d/a.toml)"},
		"unnamed, a folder":   {main: unnamed + account("m"), files: map[string]string{"accounts.d/a.toml/b": ""}, want: "DIR/accounts.d/a.toml: can't be read: is a directory (a folder stands where a file is meant: move it elsewhere, or name the file)"},
		"unnamed, no folder":  {main: unnamed + account("m"), files: map[string]string{"accounts.d": ""}, want: "DIR/accounts.d: can't be read: not a directory (a file stands where a folder is meant: move it elsewhere, or name the folder)"},
		"nowhere any account": {main: unnamed, want: "DIR/c.toml: account: no account (add [account.NAME] with host, username and [[account.NAME.deliver]], here or in accounts.d/NAME.toml)"},

		"no folder": {main: strings.Replace(main, "accounts.d", "more", 1) + account("m"), want: "DIR/c.toml:1: include[0]: DIR/more: there is no such folder (make it, or take it out of include)"},
		"no file": {main: strings.Replace(main, "accounts.d/*.toml", "x.toml", 1) + account("m"),
			want: "DIR/x.toml: there is no such file (write one, or take it out of include in DIR/c.toml)"},
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
			want: "DIR/accounts.d/a.toml:1: account: accounts are tables with names (write [account.NAME], for example [account.work])"},
		"for all accounts": {main: main + account("m"), files: map[string]string{"accounts.d/a.toml": account("a") + "parallel = 3\n[account.a.log]\nlevel = 'info'\n[account.a.limits]\nidle = '3s'\n"},
			want: "DIR/accounts.d/a.toml:3: account.a.parallel: unknown key (it is for all accounts: write it at the top of DIR/c.toml, above all accounts)\n" +
				"DIR/accounts.d/a.toml:4: account.a.log: unknown key (it is for all accounts: write it at the top of DIR/c.toml, above all accounts)\n" +
				"DIR/accounts.d/a.toml:6: account.a.limits: unknown key (did you mean \"limit\"?)"},
		"no name": {main: main + account("m"), files: map[string]string{"accounts.d/a.toml": "\n[account]\nhost = 'x'\nusername = 'u'\n"},
			want: "DIR/accounts.d/a.toml:2: account: keys of an account without a name (write [account.NAME], for example [account.work])"},
		"no list":           {main: "include = 'x'\n" + main[strings.Index(main, "\n")+1:] + account("m"), want: "DIR/c.toml:1: include: must be a list of files, not a text (write include = [\"/path/*.toml\"])"},
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

// Links are followed where nobody else can have made them; one that leads nowhere is told, because its accounts would just stop. What
// somebody has to write into while it is read would hold up everything.
func TestAccountsFolderOdd(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "c.toml")
	writeFile(t, file, account(""), 0o600)
	load := func() string {
		t.Helper()
		cfg, err := Load(file, home, Options{})
		if err != nil {
			return strings.ReplaceAll(err.Error(), dir, "DIR")
		}
		names := ""
		for _, a := range cfg.Accounts {
			names += a.Name
		}
		return names
	}
	folder := AccountsFolder(file)
	other := strings.ReplaceAll(account(""), "account.a", "account.b")
	writeFile(t, filepath.Join(dir, "elsewhere", "b.toml"), other, 0o600)
	for _, step := range []struct {
		do   func() error
		want string
	}{
		{func() error { return os.Symlink("elsewhere", folder) }, "ab"},
		{func() error { return os.Symlink("b.toml", filepath.Join(folder, "again.toml")) }, "ab"}, // one file, whatever it is called
		{func() error { return os.Symlink("gone", filepath.Join(folder, "c.toml")) }, "DIR/accounts.d/c.toml: leads nowhere (mend the link, or remove it)"},
		{func() error { return os.Remove(filepath.Join(folder, "c.toml")) }, "ab"},
		{func() error { return syscall.Mkfifo(filepath.Join(folder, "c.toml"), 0o600) }, "DIR/accounts.d/c.toml: is no file (only files belong here: move it elsewhere)"},
		{func() error { return os.RemoveAll(filepath.Join(dir, "elsewhere")) }, "DIR/accounts.d: leads nowhere (mend the link, or remove it)"},
		{func() error { return os.Remove(folder) }, "a"},
		{func() error { return os.Mkdir(folder, 0o700) }, "a"},
		{func() error { return os.Chmod(folder, 0o757) }, "DIR/accounts.d: can't be trusted: others can write to DIR/accounts.d (mode 0757) (chmod o-w DIR/accounts.d)"},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		if got := load(); got != step.want {
			t.Errorf("got  %s\nwant %s", got, step.want)
		}
	}
}

// Fifty accounts are fifty files of two to four lines.
func TestFiftyAccounts(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "config.toml")
	writeFile(t, file, "[defaults]\nhost = 'pop.example.org'\npassword_file = '/secrets/{account}'\n[[defaults.deliver]]\ntype = 'maildir'\npath = '/mail/{account}'\n", 0o600)
	for i := range 50 {
		name := fmt.Sprintf("a%02d", i)
		text := "[account." + name + "]\nusername = '" + name + "@example.org'\n"
		if i%2 == 1 {
			text += "delete = '30d'\n"
		}
		if i%5 == 4 {
			text += "limit = 7\n"
		}
		writeFile(t, filepath.Join(dir, "accounts.d", name+".toml"), text, 0o600)
	}
	cfg, err := Load(file, home, Options{})
	if err != nil || len(cfg.Accounts) != 50 {
		t.Fatalf("%d accounts, %v", len(cfg.Accounts), err)
	}
	for i, a := range cfg.Accounts {
		name := fmt.Sprintf("a%02d", i)
		if a.Name != name || a.Host != "pop.example.org" || a.Username != name+"@example.org" || a.Secret.File != "/secrets/"+name || len(a.Deliver) != 1 || a.Deliver[0].Path != "/mail/"+name ||
			(a.Delete.Kind == DeleteAge) != (i%2 == 1) || (a.Limit == 7) != (i%5 == 4) {
			t.Errorf("%+v", a)
		}
	}
	// What is wrong in one of them is told where it stands, and the others have nothing to do with it.
	writeFile(t, filepath.Join(dir, "accounts.d", "a17.toml"), "[account.a17]\nusername = 'x'\ndelte = '30d'\n", 0o600)
	_, err = Load(file, home, Options{})
	if want := filepath.Join(dir, "accounts.d", "a17.toml") + `:3: account.a17.delte: unknown key (did you mean "delete"?)`; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// A file may hold thousands of accounts.
func TestManyAccountsInAFile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "config.toml")
	writeFile(t, file, "[defaults]\nhost = 'h'\npassword_file = '/s'\ndeliver = [{type = 'maildir', path = '/mail/{account}'}]\n", 0o600)
	const n = 5000
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "[account.\"a.%d\"]\nusername = 'u'\nlimit = %d\n", i, i)
	}
	writeFile(t, filepath.Join(dir, "accounts.d", "all.toml"), b.String()+"limt = 1\n", 0o600)
	_, err := Load(file, home, Options{})
	if want := fmt.Sprintf(`%s/accounts.d/all.toml:%d: account."a.%d".limt: unknown key (did you mean "limit"?)`, dir, 3*n+1, n-1); err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// A login that was given up is tried again when the file in which its password stands was written again, and not because another
// account came or went.
func TestOriginOfSecrets(t *testing.T) {
	dir := t.TempDir()
	file, other := filepath.Join(dir, "c.toml"), filepath.Join(dir, "accounts.d", "b.toml")
	const main = "[defaults]\nhost = 'h'\nusername = 'u'\npassword = 'x'\ndeliver = [{type = 'maildir', path = '/mail/{account}'}]\n[account.a]\n"
	const more = "[account.b]\npassword = 'y'\n[account.c]\n"
	edition := 0
	origins := func(doc, own string) (all [3]string) {
		t.Helper()
		for path, text := range map[string]string{file: doc, other: own} {
			if old, err := os.ReadFile(path); err == nil && string(old) == text {
				continue
			}
			writeFile(t, path, text, 0o600)
			edition++
			if err := os.Chtimes(path, time.Time{}, time.Unix(int64(1e9+edition), 0)); err != nil {
				t.Fatal(err)
			}
		}
		cfg, err := Load(file, home, Options{})
		if err != nil || len(cfg.Accounts) != 3 {
			t.Fatal(cfg, err)
		}
		for i, a := range cfg.Accounts {
			all[i] = a.Secret.Origin
		}
		return all
	}
	first := origins(main, more)
	second := origins(main, more+"\n")
	third := origins(main+"\n", more+"\n")
	if first[0] == "" || first[0] != first[2] || first[0] == first[1] {
		t.Errorf("%q", first)
	}
	if second[0] != first[0] || second[2] != first[2] || second[1] == first[1] {
		t.Errorf("the file of b was written: %q, before %q", second, first)
	}
	if third[0] == second[0] || third[2] == second[2] || third[1] != second[1] {
		t.Errorf("the main file was written: %q, before %q", third, second)
	}
}
