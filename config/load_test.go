package config

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/popsync/popsync/config/document"
)

func writeFile(t *testing.T, path, text string, mode fs.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func TestFileWithASecretIsOwnerOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.toml")
	webhook := "alarm.webhook = 'https://chat.example/" + marker + "'\n"
	secret := account("password = '" + marker + "'")
	relay := destination(smtpKeys + "username = 'u'\npassword = '" + marker + "'\n")
	inline := account("deliver = [{type = 'maildir', path = '/m'},\n{type = 'maildir', name = 'b', path = '/b', password = '" + marker + "'}]")
	for _, tt := range []struct {
		doc  string
		mode fs.FileMode
		want string
	}{
		{secret, 0o600, ""},
		{secret, 0o400, ""},
		{secret, 0o640, path + ":2: account.a.password: the file holds a secret and others may open it (mode 0640) (chmod 600 " + path + ")"},
		{secret, 0o601, path + ":2: account.a.password: the file holds a secret and others may open it (mode 0601) (chmod 600 " + path + ")"},
		{secret, 0o602, path + ": can't be trusted: others can write to " + path + " (mode 0602) (chmod o-w " + path + ")"},
		{account(""), 0o646, path + ": can't be trusted: others can write to " + path + " (mode 0646) (chmod o-w " + path + ")"},
		{relay, 0o600, ""},
		{relay, 0o604, path + ":9: account.a.deliver[0].password: the file holds a secret and others may open it (mode 0604) (chmod 600 " + path + ")"},
		{inline, 0o644, path + ":3: account.a.deliver[1].password: is for type smtp, lmtp and imap (this destination has type maildir)\n" +
			path + ":3: account.a.deliver[1].password: the file holds a secret and others may open it (mode 0644) (chmod 600 " + path + ")"},
		{webhook + secret, 0o600, ""},
		{webhook + secret, 0o640, path + ":1: alarm.webhook: the file holds a secret and others may open it (mode 0640) (chmod 600 " + path + ")"},
		{secret + strings.Replace(webhook, "alarm.", "[alarm]\n", 1), 0o640, path + ":2: account.a.password: the file holds a secret and others may open it (mode 0640) (chmod 600 " + path + ")"},
		{"[alarm]\nwebhook = ''\n" + account(""), 0o644, ""},
		{account(""), 0o644, ""},
		{account("limit = -1\npassword = '" + marker + "'"), 0o644, path + ":2: account.a.limit: -1 is too small, the least is 0\n" +
			path + ":3: account.a.password: the file holds a secret and others may open it (mode 0644) (chmod 600 " + path + ")"},
	} {
		writeFile(t, path, tt.doc, tt.mode)
		_, err := Load(path, home, Options{})
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("mode %o:\ngot  %s\nwant %s", tt.mode, got, tt.want)
		}
	}
	// Through a symbolic link the file counts, not the link.
	link := path + ".link"
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(link, home, Options{}); err == nil {
		t.Error("a symbolic link hides the mode")
	}
}

func TestOwner(t *testing.T) {
	for _, tt := range []struct {
		regular     bool
		mode        fs.FileMode
		owner, user uint32
		ok          bool
	}{
		{true, 0o600, 1000, 1000, true},
		{true, 0o600, 0, 1000, true},
		{true, 0o600, 1001, 1000, false},
		{true, 0o600, 1000, 0, false},
		{true, 0o604, 1000, 1000, false},
		{true, 0o610, 1000, 1000, false},
		{false, 0o600, 1000, 1000, false},
	} {
		if got := ownerFault("f", tt.regular, tt.mode, tt.owner, tt.user) == nil; got != tt.ok {
			t.Errorf("%+v: %v", tt, got)
		}
	}
}

func TestLoadOfWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	for path, want := range map[string]string{
		dir + "/none": "there is no such file",
		dir:           "can't be read: is a directory",
	} {
		_, err := Load(path, home, Options{})
		if e, ok := err.(Error); !ok || len(e) != 1 || e[0].Text != want || e[0].File != path {
			t.Errorf("%s: %v", path, err)
		}
	}
	writeFile(t, dir+"/big", "#"+strings.Repeat("\n", document.MaxFile), 0o600)
	if _, err := Load(dir+"/big", home, Options{}); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("big: %v", err)
	}
}

func TestDefaultPath(t *testing.T) {
	dir := t.TempDir()
	both := testEnv("HOME", dir, "XDG_CONFIG_HOME", dir+"/xdg")
	if got, want := DefaultPath(both), dir+"/xdg/popsync/config.toml"; got != want {
		t.Errorf("none exists: %s, want %s", got, want)
	}
	for _, tt := range []struct {
		env  Env
		want string
	}{
		{testEnv("HOME", dir), dir + "/.config/popsync/config.toml"},
		{testEnv("HOME", dir, "XDG_CONFIG_HOME", "relative"), dir + "/.config/popsync/config.toml"},
		{both, dir + "/xdg/popsync/config.toml"},
		{testEnv(), "/etc/popsync/config.toml"},
		{nil, "/etc/popsync/config.toml"},
	} {
		if got := SearchPaths(tt.env); got[0] != tt.want || got[len(got)-1] != "/etc/popsync/config.toml" {
			t.Errorf("got %v, want %s first", got, tt.want)
		}
	}
}

func TestStateDir(t *testing.T) {
	for want, env := range map[string]Env{
		"/s":                            testEnv("STATE_DIRECTORY", "/s:/t", "XDG_STATE_HOME", "/x", "HOME", "/h"),
		"/x/popsync":                    testEnv("XDG_STATE_HOME", "/x", "HOME", "/h"),
		"/h/.local/state/popsync":       testEnv("HOME", "/h"),
		"/home/me/.local/state/popsync": testEnv("HOME", "/home/me", "STATE_DIRECTORY", "relative"),
	} {
		c, err := Parse("f", []byte(account("")), env, Options{})
		if err != nil || c.StateDir != want {
			t.Errorf("%v, %v, want %s", c, err, want)
		}
	}
	_, err := Parse("f", []byte(account("ca_file = '~/x'")), nil, Options{})
	want := `f: state_dir: no place for the state: neither STATE_DIRECTORY nor HOME is set (write state_dir = "/...")` + "\n" +
		`f:2: account.a.ca_file: ~ has no meaning here: HOME is not set (write an absolute path)`
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}
