package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/pop3/pop3test"
)

// check --offline looks at every file and program that the configuration names: for the account, for destinations, for OAuth. A file
// that is missing is a failure, with its key in the text and a next step; what was looked at is said.
func TestCheckOfflineLooksAtFiles(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	file := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	ca, err := pop3test.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	caFile, password, bad := file("ca.pem", string(ca.PEM())), file("password", "MARKER\n"), file("bad", "MARKER")
	missing := filepath.Join(dir, "missing")
	for name, tt := range map[string]struct {
		lines string // of an account or a destination
		code  int
		says  []string
	}{
		"all is there": {fmt.Sprintf("ca_file = %q\nproxy = 'socks5://u@127.0.0.1:9'\nproxy_password_file = %q\npassword = 'p'", caFile, password), 0,
			[]string{"can be used: ca_file, proxy_password_file"}},
		"CA file":             {fmt.Sprintf("ca_file = %q\npassword = 'p'", missing), exit.Config, []string{"ca_file", "no such file", "next step: name a file of PEM"}},
		"no certificates":     {fmt.Sprintf("ca_file = %q\npassword = 'p'", bad), exit.Config, []string{"ca_file: no PEM certificate in"}},
		"client certificate":  {fmt.Sprintf("tls_client_cert = %q\npassword = 'p'", missing), exit.Config, []string{"tls_client_cert", "no such file"}},
		"client key":          {fmt.Sprintf("tls_client_cert = %q\ntls_client_key = %q\npassword = 'p'", caFile, missing), exit.Config, []string{"tls_client_key", "no such file"}},
		"proxy password":      {fmt.Sprintf("proxy = 'socks5://u@127.0.0.1:9'\nproxy_password_file = %q\npassword = 'p'", missing), exit.Config, []string{"the password for the proxy", "next step: correct proxy_password_file"}},
		"connect_command":     {fmt.Sprintf("connect_command = [%q]\npassword = 'p'", missing), exit.Config, []string{"connect_command", "cannot be run"}},
		"connect_command is":  {"connect_command = ['/bin/cat', 'MARKER']\npassword = 'p'", 0, []string{"can be used: the program of connect_command"}},
		"password file":       {fmt.Sprintf("password_file = %q", missing), exit.Config, []string{"password_file", "no such file"}},
		"password_command":    {fmt.Sprintf("password_command = [%q]", missing), exit.Config, []string{"password_command", "no such file"}},
		"password_command is": {"password_command = ['/bin/cat', 'MARKER']", 0, []string{"password_command was not run (--offline)"}},
	} {
		for _, of := range []string{"account", "smtp", "imap"} {
			t.Run(name+", "+of, func(t *testing.T) {
				d := newDesk(t, "")
				d.account("work", "127.0.0.1:9", `password = "p"`)
				switch of {
				case "account":
					d.conf.Reset()
					fmt.Fprintf(&d.conf, "state_dir = %q\n[account.work]\nhost = 'h'\nusername = 'u'\nalarm = false\n%s\n[[account.work.deliver]]\ntype = 'maildir'\npath = %q\n",
						d.state, tt.lines, filepath.Join(filepath.Dir(d.state), "work"))
				case "smtp":
					d.deliver("work", "type = 'smtp'", "address = 'mx.example:587'", "to = ['me@x.example']", "from = 'me@x.example'", "username = 'u'", tt.lines)
				case "imap":
					d.deliver("work", "type = 'imap'", "address = 'imap.example:993'", "username = 'u'", tt.lines)
				}
				code, out := d.check(t.Context(), "--offline")
				text := strings.Join(strings.Fields(out), " ")
				if code != tt.code || strings.Contains(text, "MARKER") {
					t.Errorf("exit code %d, want %d\n%s", code, tt.code, out)
				}
				for _, w := range tt.says {
					if !strings.Contains(text, w) {
						t.Errorf("it lacks %q\n%s", w, out)
					}
				}
			})
		}
	}
}

// So it does for [oauth.NAME], and remarks one that nobody uses.
func TestCheckLooksAtGrants(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	bad, missing := filepath.Join(dir, "bad"), filepath.Join(dir, "missing")
	if err := os.WriteFile(bad, []byte(" MARKER"), 0o600); err != nil {
		t.Fatal(err)
	}
	const app = "token_url = 'https://h.example/t'\nclient_id = 'c'\nscopes = ['s']\nflow = 'app'\n"
	for name, tt := range map[string]struct {
		lines string
		code  int
		says  string
	}{
		"client secret":         {app + fmt.Sprintf("client_secret_file = %q", missing), exit.Config, `[oauth.g]: client_secret_file "` + missing + `": no such file`},
		"odd client secret":     {app + fmt.Sprintf("client_secret_file = %q", bad), 0, "[oauth.g]: the client secret begins with a blank"},
		"client secret command": {app + fmt.Sprintf("client_secret_command = [%q]", missing), exit.Config, "[oauth.g]: client_secret_command"},
		"command that is there": {app + "client_secret_command = ['/bin/cat', 'MARKER']", 0, "[oauth.g]: client_secret_command was not run"},
		"key file":              {"token_url = 'https://h.example/t'\nscopes = ['s']\nflow = 'service'\n" + fmt.Sprintf("key_file = %q", missing), exit.Config, `[oauth.g]: key_file "` + missing + `": no such file`},
		"no key":                {"token_url = 'https://h.example/t'\nscopes = ['s']\nflow = 'service'\n" + fmt.Sprintf("key_file = %q", bad), exit.Config, "it is no key of a service account"},
		"keeper":                {app + fmt.Sprintf("client_secret = 'x'\ntoken_command = [%q]", missing), exit.Config, "[oauth.g]: token_command"},
		"all is well":           {app + "client_secret = 'x'", 0, "no person is needed"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, "[oauth.g]\n"+tt.lines+"\n[oauth.spare]\nclient_id = 'x'")
			d.account("work", "127.0.0.1:9", `oauth = "g" # no password`)
			code, out := d.check(t.Context(), "--offline")
			text := strings.Join(strings.Fields(out), " ")
			if code != tt.code || strings.Contains(text, "MARKER") {
				t.Errorf("exit code %d, want %d\n%s", code, tt.code, out)
			}
			for _, w := range []string{tt.says, "oauth.spare: no account and no destination uses it"} {
				if !strings.Contains(text, w) {
					t.Errorf("it lacks %q\n%s", w, out)
				}
			}
		})
	}
}
