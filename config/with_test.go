package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// An account that is in no file yet is read as if it were, beside those that are; also where there is no file.
func TestLoadWith(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "c.toml")
	env := Env(func(key string) string { return map[string]string{"HOME": dir}[key] })
	more := []byte(account(`password = "secret"`))
	cfg, err := LoadWith(file, more, env, Options{})
	if err != nil || len(cfg.Accounts) != 1 || cfg.Accounts[0].Secret.Literal.Reveal() != "secret" {
		t.Fatalf("no file: %v", err)
	}
	// What others may read holds no password, and the one that is here is nowhere else.
	if err := os.WriteFile(file, []byte("[defaults]\nlimit = 7 # no line end"), 0o644); err != nil {
		t.Fatal(err)
	}
	cfg, err = LoadWith(file, more, env, Options{})
	if err != nil || len(cfg.Accounts) != 1 || cfg.Accounts[0].Limit != 7 {
		t.Fatalf("beside a file: %v", err)
	}
	if err := os.WriteFile(file, []byte("[account.a]\nhost = 'h'\nusername = 'u'\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadWith(file, more, env, Options{}); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("the name twice: %v", err)
	}
}
