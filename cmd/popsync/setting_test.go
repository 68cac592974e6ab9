package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/popsync/popsync/config"
)

// What decides about a login changes its identity, and nothing else does; the password itself is not in it.
func TestLoginSetting(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "secret")
	touch := func(at int64) {
		if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, time.Unix(at, 0), time.Unix(at, 0)); err != nil {
			t.Fatal(err)
		}
	}
	touch(1)
	cfg := &config.Config{File: file}
	base := config.Account{Host: "h", Port: 995, TLS: config.TLSImplicit, Username: "u", Auth: config.AuthAuto,
		Secret: config.SecretSource{Kind: config.SecretFile, File: file}, Limit: 1}
	was := loginSetting(cfg, base)
	for name, change := range map[string]func(*config.Account){
		"host":    func(a *config.Account) { a.Host = "h2" },
		"port":    func(a *config.Account) { a.Port = 110 },
		"tls":     func(a *config.Account) { a.TLS = config.TLSStartTLS },
		"ca_file": func(a *config.Account) { a.CAFile = "/ca" },
		"pin":     func(a *config.Account) { a.Pins = []string{"sha256//x"} },
		"client":  func(a *config.Account) { a.ClientCert = "/c" },
		"key":     func(a *config.Account) { a.ClientKey = "/c" },
		"name":    func(a *config.Account) { a.ServerName = "n" },
		"least":   func(a *config.Account) { a.MinVersion = "1.3" },
		"legacy":  func(a *config.Account) { a.Legacy = true },
		"user":    func(a *config.Account) { a.Username = "v" },
		"auth":    func(a *config.Account) { a.Auth = config.AuthPlain },
		"source": func(a *config.Account) {
			a.Secret = config.SecretSource{Kind: config.SecretCommand, Command: []string{"c"}}
		},
		"file": func(*config.Account) { touch(2) },
	} {
		a := base
		change(&a)
		if loginSetting(cfg, a) == was {
			t.Errorf("%s changed, and nobody notices", name)
		}
		touch(1)
	}
	other := base
	other.Limit, other.Delete.Kind = 2, config.DeleteAfterDelivery
	other.Pipelining, other.Sizes = true, config.SizesIgnore
	if loginSetting(cfg, other) != was || mailboxOf(other) != mailboxOf(base) {
		t.Error("a limit, or how a server is spoken to, is no part of a login")
	}
	// systemd makes the file anew each time that the service starts.
	base.Secret.Kind = config.SecretCredential
	was = loginSetting(cfg, base)
	touch(3)
	if loginSetting(cfg, base) != was {
		t.Error("a credential changes with each start")
	}
}

// A password in the configuration is that of the file as it was read. Were it that of the file as it is, a daemon would
// try the old one again when somebody writes the file, and take the new one for it when it is told to read it.
func TestLoginSettingOfLiteral(t *testing.T) {
	a := &app{configFile: filepath.Join(t.TempDir(), "config.toml")}
	write := func(password string) {
		t.Helper()
		if err := os.WriteFile(a.configFile, []byte("state_dir = \"/s\"\n[account.a]\nhost = \"h\"\nusername = \"u\"\npassword = \""+password+
			"\"\n[[account.a.deliver]]\ntype = \"maildir\"\npath = \"/m\"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	load := func() *config.Config {
		t.Helper()
		cfg, err := a.load()
		if err != nil {
			t.Fatal(err)
		}
		return cfg
	}
	write("wrong")
	cfg := load()
	was := loginSetting(cfg, cfg.Accounts[0])
	again := load()
	write("the right one")
	if loginSetting(cfg, cfg.Accounts[0]) != was {
		t.Error("a file that was not read changes a login")
	}
	if loginSetting(again, again.Accounts[0]) != was {
		t.Error("a file that was only read changes a login")
	}
	if cfg = load(); loginSetting(cfg, cfg.Accounts[0]) == was {
		t.Error("another password, and nobody notices")
	}
}

// Arguments of a command may be secrets: not even a hash of them is kept.
func TestDeliverSetting(t *testing.T) {
	cfg := &config.Config{}
	of := func(d config.Deliver) string { return deliverSetting(cfg, d) }
	if of(config.Deliver{Type: "maildir", Path: "/p"}) != "" {
		t.Error("a Maildir is never down")
	}
	command := func(args ...string) string {
		return of(config.Deliver{Type: "command", Command: &config.Command{Args: args}})
	}
	if command("/bin/a", "one") != command("/bin/a", "two") || command("/bin/a") == command("/bin/b") {
		t.Error("a command is known by its program alone")
	}
	smtp := func(s config.SMTP) string { return of(config.Deliver{Type: "smtp", SMTP: &s}) }
	if smtp(config.SMTP{Address: "a:25", To: []string{"x"}}) == smtp(config.SMTP{Address: "a:25", To: []string{"y"}}) {
		t.Error("another recipient goes unnoticed")
	}
}
