package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
)

const oauthAccount = `
[account.work]
host = "pop.example.org"
username = "me@example.org"
oauth = "g"
[[account.work.deliver]]
type = "maildir"
path = "/m"
`

func TestOAuth(t *testing.T) {
	cfg := mustParse(t, `
[oauth.g]
provider = "google"
client_id = "id"
client_secret = "MARKER"
client_secret_ends = 2027-01-31
scopes = ["a", "b"]
testing = true
flow = "paste"
[oauth.b]
client_secret_ends = "2027-02-01"
token_command = ["/bin/keep", "x"]
`+oauthAccount)
	if len(cfg.OAuth) != 2 || cfg.OAuth[0].Name != "b" {
		t.Fatalf("%+v", cfg.OAuth)
	}
	g := cfg.OAuth[1]
	if g.Provider != "google" || g.Secret.Literal.Reveal() != "MARKER" || !g.SecretEnds.Equal(time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC)) ||
		!reflect.DeepEqual(g.Scopes, []string{"a", "b"}) || !g.Testing || g.Flow != "paste" {
		t.Errorf("%+v", g)
	}
	if strings.Contains(fmt.Sprintf("%+v %#v", cfg, cfg), "MARKER") {
		t.Error("the client secret is printed")
	}
	if s := cfg.Accounts[0].Secret; s.Kind != SecretOAuth || s.OAuth != "g" {
		t.Errorf("%+v", s)
	}
}

func TestOAuthProblems(t *testing.T) {
	grant := "[oauth.g]\nclient_id = 'x'\n"
	relay := "[[account.work.deliver]]\ntype = 'smtp'\nname = 'r'\naddress = 'h:25'\nto = ['a@b.c']\nusername = 'u'\n"
	box := "[[account.work.deliver]]\ntype = 'imap'\nname = 'b'\naddress = 'h'\nusername = 'u'\n"
	for want, doc := range map[string]string{
		"account.work.oauth: there is no [oauth.g] (write [oauth.g]":                  oauthAccount,
		"account.work.oauth: there is no [oauth.g] (did you mean":                     "[oauth.gg]\n" + oauthAccount,
		"account.work.oauth: a login by OAuth needs no password_file":                 grant + strings.Replace(oauthAccount, "oauth =", "password_file = '/p'\noauth =", 1),
		"account.work.oauth: a login by OAuth needs no password (":                    grant + strings.Replace(oauthAccount, "oauth =", "password = 'MARKER'\noauth =", 1),
		"account.work.deliver[1].oauth: there is no [oauth.h]":                        grant + oauthAccount + relay + "oauth = 'h'\n",
		"account.work.deliver[1].oauth: a login by OAuth needs no password_command":   grant + oauthAccount + relay + "oauth = 'g'\npassword_command = ['x']\n",
		"account.work.deliver[1].oauth: is of no use without username":                grant + oauthAccount + strings.Replace(relay, "username = 'u'\n", "", 1) + "oauth = 'g'\n",
		"f:1: oauth.g: not for smtp":                                                  grant + oauthAccount + relay + "oauth = 'g'\n",
		"f:1: oauth.g: not for imap":                                                  grant + oauthAccount + box + "oauth = 'g'\n",
		"account.work.deliver[1].oauth: a login by OAuth needs no password":           grant + oauthAccount + box + "oauth = 'g'\npassword = 'x'\n",
		"f:2: oauth.g.provider: not known (ask)":                                      "[oauth.g]\nprovider = 'nobody'\n" + oauthAccount,
		"oauth.g.client_secret_file: more than one source of the client secret":       grant + "client_secret = 'MARKER'\nclient_secret_file = '/x'\n" + oauthAccount,
		"oauth.g.client_secret_file: not an absolute path":                            grant + "client_secret_file = 'MARKER'\n" + oauthAccount,
		"oauth.g.client_secret_ends: must be a date, not a text (such as 2027-01-31)": grant + "client_secret_ends = 'soon'\n" + oauthAccount,
		`oauth.g.scopes[0]: "a b" is not one scope`:                                   grant + "scopes = ['a b']\n" + oauthAccount,
		`oauth.g.clientid: unknown key (did you mean "client_id"`:                     grant + "clientid = 'x'\n" + oauthAccount,
		`account.work.auth: "plain" is for a password, and this login is by OAuth`:    grant + strings.Replace(oauthAccount, "oauth =", "auth = 'plain'\noauth =", 1),
		"oauth: keys of a provider without a name":                                    "[oauth]\nclient_id = 'x'\n" + oauthAccount,
		"oauth.G: ": "[oauth.G]\n" + oauthAccount,
		"account.work.oauth2: unknown key (write oauth = ":                                      grant + strings.Replace(oauthAccount, "oauth =", "oauth2 =", 1),
		"oauth.g.token_command[0]: the program is not an absolute path (write an absolute path": grant + "token_command = ['keep']\n" + oauthAccount,
		`account.work.auth: "external" is for a client certificate, and this login is by OAuth`: grant + strings.Replace(oauthAccount, "oauth =", "auth = 'external'\noauth =", 1),
	} {
		_, err := Parse("f", []byte(doc), home, Options{CheckOAuth: func(o OAuth, use string) (string, string, string) {
			if o.Provider == "nobody" {
				return "provider", "not known", "ask"
			}
			if use != "pop" {
				return "", "not for " + use, ""
			}
			return "", "", ""
		}})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "MARKER") {
			t.Errorf("want %s\ngot  %v", want, err)
		}
	}
}

// What is wrong with a grant is told once, at its own line, however many use it.
func TestOAuthProblemOnce(t *testing.T) {
	doc := "[oauth.g]\nprovider = 'nobody'\n" + oauthAccount + strings.ReplaceAll(oauthAccount, "work", "home")
	_, err := Parse("f", []byte(doc), home, Options{CheckOAuth: func(OAuth, string) (string, string, string) { return "client_id", "missing", "" }})
	if err == nil || err.Error() != "f:1: oauth.g.client_id: missing" {
		t.Error(err)
	}
}

// A grant that nobody uses is remarked.
func TestOAuthUnused(t *testing.T) {
	cfg := mustParse(t, "[oauth.g]\n[oauth.other]\nkey_file = '/etc/${X}/key'\n"+oauthAccount)
	all := cfg.Oddities()
	if len(all) != 2 || all[0].Key != "oauth.other" || all[1].Key != "oauth.other.key_file" || all[0].Next == "" {
		t.Errorf("%+v", all)
	}
}

// With a client certificate there is no password: one that is written is told, and one of [defaults] is not meant.
func TestExternalHasNoPassword(t *testing.T) {
	const certified = "auth = 'external'\ntls_client_cert = '/c'\n"
	relay := "\n[[account.work.deliver]]\ntype = 'smtp'\nname = 'r'\naddress = 'h:25'\nto = ['a@b.c']\nfrom = 'a@b.c'\nusername = 'u'\n" + certified
	box := "\n[[account.work.deliver]]\ntype = 'imap'\nname = 'b'\naddress = 'h'\nusername = 'u'\n" + certified
	plain := strings.Replace(oauthAccount, `oauth = "g"`, "", 1)
	mine := strings.Replace(oauthAccount, `oauth = "g"`, certified, 1)
	for doc, want := range map[string]string{
		strings.Replace(oauthAccount, `oauth = "g"`, certified+"password = 'MARKER'", 1):           "account.work.password: is of no use with auth",
		strings.Replace(oauthAccount, `oauth = "g"`, certified+"password_file = '/MARKER'", 1):     "account.work.password_file: is of no use with auth",
		strings.Replace(oauthAccount, `oauth = "g"`, certified+"password_command = ['MARKER']", 1): "account.work.password_command: is of no use with auth",
		plain + relay + "password = 'MARKER'":                                                      "account.work.deliver[1].password: is of no use with auth",
		plain + box + "password_file = '/MARKER'":                                                  "account.work.deliver[1].password_file: is of no use with auth",
		mine + relay + box:                          "",
		"[defaults]\npassword_file = '/p'\n" + mine: "",
	} {
		cfg, err := Parse("f", []byte(doc), home, Options{})
		if want == "" {
			if err != nil || cfg.Accounts[0].Secret.Kind != "" || len(cfg.Oddities()) > 0 {
				t.Errorf("%s\n%v", doc, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "MARKER") {
			t.Errorf("%s\n%v", doc, err)
		}
	}
	for _, doc := range []string{mine, plain + relay, plain + box} {
		all := mustParse(t, strings.ReplaceAll(doc, "tls_client_cert = '/c'\n", "")).Oddities()
		if len(all) != 1 || !strings.HasSuffix(string(all[0].Key), ".auth") {
			t.Errorf("%s\n%+v", doc, all)
		}
	}
}

// What an account says itself stands above what it would have from [defaults], whichever of the two is OAuth.
func TestOAuthAndDefaults(t *testing.T) {
	for doc, want := range map[string]SecretKind{
		"[oauth.g]\n[defaults]\npassword_file = '/p'\n" + oauthAccount:                                             SecretOAuth,
		"[oauth.g]\n[defaults]\noauth = 'g'\n" + strings.Replace(oauthAccount, `oauth = "g"`, "", 1):               SecretOAuth,
		"[oauth.g]\n[defaults]\noauth = 'g'\n" + strings.Replace(oauthAccount, `oauth = "g"`, "password = 'x'", 1): SecretLiteral,
		"[oauth.g]\n" + strings.Replace(oauthAccount, `oauth = "g"`, "oauth = ''", 1):                              SecretPrompt,
	} {
		if got := mustParse(t, doc).Accounts[0].Secret.Kind; got != want {
			t.Errorf("%s\ngives %s", doc, got)
		}
	}
}

func TestOAuthCredential(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "popsync.oauth.g"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := func(key string) string {
		if key == "CREDENTIALS_DIRECTORY" {
			return dir
		}
		return home(key)
	}
	cfg, err := Parse("f", []byte("[oauth.g]\n"+oauthAccount), env, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if s := cfg.OAuth[0].Secret; s.Kind != SecretCredential || filepath.Base(s.File) != "popsync.oauth.g" {
		t.Errorf("%+v", s)
	}
}

// A file with a client secret in it must be readable by its owner alone.
func TestOAuthSecretInTheFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.toml")
	if err := errors.Join(os.WriteFile(file, []byte("[oauth.g]\nclient_secret = 'x'\n"+oauthAccount), 0o644), os.Chmod(file, 0o644)); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(file, home, Options{}); err == nil || !strings.Contains(err.Error(), "oauth.g.client_secret") || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("%v", err)
	}
}

// The tables of the example can be copied, and show every key.
func TestExampleOAuth(t *testing.T) {
	var block []string
	for line := range strings.Lines(example(t)) {
		if rest, ok := strings.CutPrefix(line, "#     "); ok && (len(block) > 0 || strings.HasPrefix(rest, "[oauth.")) {
			block = append(block, rest)
		}
	}
	doc := strings.Join(block, "")
	mustParse(t, doc+strings.Replace(oauthAccount, `"g"`, `"work"`, 1))
	for k := range new(checker).oauthKeys(&OAuth{}, new(string)) {
		if !regexp.MustCompile(`(?m)^` + k + ` = .+$`).MatchString(doc) {
			t.Errorf("%s is not in the example", k)
		}
	}
}
