package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/internal/oauth"
)

// What a person copies from the page about OAuth can be used, as far as that can be known before a login.
func TestOAuthRecipesLoad(t *testing.T) {
	data, err := os.ReadFile("../../docs/oauth.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(data), "```toml\n")[1:]
	if len(blocks) < 4 {
		t.Errorf("only %d blocks", len(blocks))
	}
	for _, b := range blocks {
		b, _, _ = strings.Cut(b, "```")
		name, _, _ := strings.Cut(strings.TrimPrefix(b, "[oauth."), "]")
		doc := "[defaults]\n[[defaults.deliver]]\ntype = 'maildir'\npath = '/mail/{account}'\n" + b
		if !strings.Contains(b, "[account.") {
			doc += "[account.x]\nhost = 'h'\nusername = 'u'\noauth = '" + name + "'\n"
		}
		env := func(string) string { return "/home/me" }
		cfg, err := config.Parse("f", []byte(doc), env, config.Options{CheckOAuth: checkOAuth})
		if err != nil {
			t.Errorf("%s\n%v", doc, err)
			continue
		}
		if len(holdersOf(cfg)) != 1 {
			t.Errorf("%s\nlogs nobody in", doc)
		}
	}
}

// What can't work is found with the configuration, at its line, with a next step.
func TestOAuthProblemsAreFoundEarly(t *testing.T) {
	for grant, want := range map[string]string{
		`provider = "gogle"`:                                      "f:2: oauth.g.provider: no provider is known by this name",
		`provider = "microsoft"`:                                  "f:1: oauth.g.client_id: no client_id (register a client of your own at Microsoft, and write its id: docs/oauth.md has the steps)",
		"provider = \"google\"\nclient_id = \"x\"":                "f:1: oauth.g.client_secret: no client secret (Google wants it",
		"provider = \"yandex\"\nclient_id = \"x\"":                "f:1: oauth.g.scopes: no scopes are known for POP3 (",
		"client_id = \"x\"":                                       "f:1: oauth.g.token_url: no token_url",
		"client_id = \"x\"\ntoken_url = \"http://h/t\"":           "f:3: oauth.g.token_url: token_url is no address that can be trusted",
		"provider = \"microsoft\"\nclient_id=\"x\"\nflow=\"app\"": "f:1: oauth.g.client_secret: no client secret",
		"provider = \"google\"\nclient_id=\"x\"\nflow=\"app\"":    "f:4: oauth.g.flow: Google has no flow",
	} {
		doc := "[oauth.g]\n" + grant + "\n[account.x]\nhost = 'h'\nusername = 'u'\noauth = 'g'\n[[account.x.deliver]]\ntype = 'maildir'\npath = '/m'\n"
		_, err := config.Parse("f", []byte(doc), func(string) string { return "/home/me" }, config.Options{CheckOAuth: checkOAuth})
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "...") {
			t.Errorf("%s: %v", grant, err)
		}
	}
}

// A login that a person made anew is another setting, so that what was refused before counts no more; a refresh is none.
func TestLoginChangesTheSetting(t *testing.T) {
	cfg := &config.Config{
		StateDir: t.TempDir(),
		OAuth:    []config.OAuth{{Name: "g", AuthURL: "https://h/a", TokenURL: "https://h/t", ClientID: "c", Scopes: []string{"s"}}},
		Accounts: []config.Account{{Name: "work", Username: "u", Secret: config.SecretSource{Kind: config.SecretOAuth, OAuth: "g"}}},
	}
	a := &app{}
	source, _, err := a.tokenOf(cfg, accountHolder(cfg.Accounts[0]), "")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{loginSetting(cfg, cfg.Accounts[0]): true}
	for i := range 2 {
		at := time.Unix(int64(1_700_000_000+i), 0)
		if err := source.Put(t.Context(), oauth.Token{Access: oauth.NewSecret("x"), Refresh: oauth.NewSecret("MARKER"), Got: at}); err != nil {
			t.Fatal(err)
		}
		s := loginSetting(cfg, cfg.Accounts[0])
		if seen[s] || strings.Contains(s, "MARKER") || loginSetting(cfg, cfg.Accounts[0]) != s {
			t.Errorf("after login %d: %s", i, s)
		}
		seen[s] = true
	}
	cfg.OAuth[0].ClientID = "another"
	if seen[loginSetting(cfg, cfg.Accounts[0])] {
		t.Error("another client is the same setting")
	}
}

// What ends soon is told ahead, of the account whose login it is, and no more once that is mended.
func TestEndingsAreTold(t *testing.T) {
	now := time.Now()
	cfg := &config.Config{
		StateDir: t.TempDir(),
		OAuth:    []config.OAuth{{Name: "g", AuthURL: "https://h/a", TokenURL: "https://h/t", ClientID: "c", Scopes: []string{"s"}}},
		Accounts: []config.Account{{Name: "work", Username: "u", Secret: config.SecretSource{Kind: config.SecretOAuth, OAuth: "g"}}, {Name: "plain"}},
	}
	if _, _, unknown := new(app).logins(cfg).Ending("work", now); !unknown {
		t.Error("nobody has logged in, and something is known")
	}
	source, _, err := (&app{}).tokenOf(cfg, accountHolder(cfg.Accounts[0]), "")
	if err != nil {
		t.Fatal(err)
	}
	token := oauth.Token{Access: oauth.NewSecret("x"), Refresh: oauth.NewSecret("y"), Got: now, RefreshExpires: now.AddDate(0, 0, 90)}
	if err := source.Put(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		days   int // from now
		secret int // until the client secret ends; 0: not stated
		want   string
		next   string
	}{
		{0, 0, "", ""}, {82, 0, "", ""}, {84, 0, "the login by OAuth (g) ends on ", "popsync login work"},
		{0, 5, "the client secret of [oauth.g] ends on ", "client_secret_ends"}, {0, 9, "", ""},
		{84, 85, "the client secret", "client_secret_ends"}, {84, 95, "the login by OAuth", "popsync login work"},
	} {
		cfg.OAuth[0].SecretEnds = time.Time{}
		if tt.secret > 0 {
			cfg.OAuth[0].SecretEnds = now.AddDate(0, 0, tt.secret)
		}
		what, next, unknown := new(app).logins(cfg).Ending("work", now.AddDate(0, 0, tt.days))
		if unknown || !strings.HasPrefix(what, tt.want) || tt.want == "" && what != "" || !strings.Contains(next, tt.next) {
			t.Errorf("%+v: %q, %q, %v", tt, what, next, unknown)
		}
		if what, _, _ := new(app).logins(cfg).Ending("plain", now.AddDate(0, 0, tt.days)); what != "" {
			t.Errorf("of an account with a password: %q", what)
		}
	}
}
