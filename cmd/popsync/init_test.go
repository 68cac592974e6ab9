package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/internal/firstconfig"
)

// The first configuration lacks an account and nothing else; with its example it is whole, also with accounts of their own files.
func TestFirstConfiguration(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "config.toml")
	load := func(text string) (*config.Config, error) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return (&app{configFile: file}).load()
	}
	if _, err := load(firstconfig.Text); err == nil || !strings.Contains(err.Error(), "account: no account (add [account.NAME]") || strings.Contains(err.Error(), "\n") {
		t.Errorf("as it is written: %v", err)
	}
	for _, name := range config.DeliverTypes() {
		if !strings.Contains(firstconfig.Text, `"`+name+`"`) {
			t.Errorf("it does not tell of destinations of type %s", name)
		}
	}
	awake := regexp.MustCompile(`(?m)^#([a-z_]+ = |\[)`).ReplaceAllString(firstconfig.Text, "$1")
	for _, text := range []string{awake, regexp.MustCompile(`(?m)^password_command = .*\n# or: `).ReplaceAllString(awake, "")} {
		cfg, err := load(text)
		if err != nil {
			t.Fatal(err)
		}
		if a := cfg.Accounts[0]; a.Name != "work" || a.Host != "pop.example.org" || a.Secret.Kind == config.SecretPrompt || a.Deliver[0].Type != typeMaildir || !strings.HasSuffix(a.Deliver[0].Path, "/Mail/work") {
			t.Errorf("%+v", a)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "accounts.d"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "accounts.d", "home.toml"), []byte("[account.home]\nhost = 'h'\nusername = 'u'\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if cfg, err := load(firstconfig.Text); err != nil || len(cfg.Accounts) != 1 {
		t.Errorf("with an account of its own file: %v", err)
	}
}
