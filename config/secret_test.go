package config

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

const marker = "hunter2-MARKER"

func TestSecretIsMaskedWhateverPrintsIt(t *testing.T) {
	s := newSecret(marker)
	if s.Reveal() != marker || (Secret{}).Reveal() != "" {
		t.Fatal("Reveal doesn't")
	}
	type holder struct {
		Public  Secret
		private Secret
		list    []Secret
		byName  map[string]Secret
		pointer *Secret
	}
	h := holder{s, s, []Secret{s}, map[string]Secret{"x": s}, &s}
	relay := SMTP{Secret: SecretSource{Kind: SecretLiteral, Literal: s}}
	account := Account{Secret: SecretSource{Kind: SecretLiteral, Literal: s}, Deliver: []Deliver{{SMTP: &relay}}}
	var out []string
	for _, v := range []any{s, &s, h, &h, []Secret{s}, relay, &relay, account.Deliver[0], account, Config{Alarm: Alarm{Webhook: s}, Accounts: []Account{account}}, Alarm{Webhook: s}, fmt.Errorf("%v", s)} {
		for _, verb := range "vTtbcdoOqxXUeEfFgGsp" {
			for _, flags := range []string{"", "+", "#", "-20", "020", ".3", " "} {
				out = append(out, fmt.Sprintf("%"+flags+string(verb), v))
			}
		}
		out = append(out, fmt.Sprint(v), fmt.Sprintln(v))
		if b, err := json.Marshal(v); err == nil {
			out = append(out, string(b))
		}
		if b, err := xml.Marshal(v); err == nil {
			out = append(out, string(b))
		}
		var b bytes.Buffer
		if err := toml.NewEncoder(&b).Encode(map[string]any{"x": v}); err == nil {
			out = append(out, b.String())
		}
		slog.New(slog.NewTextHandler(&b, nil)).Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "v", v)
		for _, enc := range []zapcore.Encoder{zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.NewConsoleEncoder(zap.NewDevelopmentEncoderConfig())} {
			l := zap.New(zapcore.NewCore(enc, zapcore.AddSync(&b), zap.DebugLevel))
			l.With(zap.Any("w", v)).Info("x", zap.Any("v", v), zap.Reflect("r", v))
		}
		out = append(out, b.String())
	}
	all := strings.Join(out, "\n")
	for _, leak := range []string{marker, fmt.Sprintf("%x", marker), fmt.Sprintf("%X", marker), fmt.Sprint([]byte(marker))[1:20], marker[:3]} {
		if strings.Contains(all, leak) {
			i := strings.Index(all, leak)
			t.Errorf("%q was printed: %s", leak, all[max(i-100, 0):i+40])
		}
	}
	if n := strings.Count(all, masked); n < 500 {
		t.Errorf("masked only %d times", n)
	}
}

func TestCredentialThenPrompt(t *testing.T) {
	dir := t.TempDir()
	env := testEnv("HOME", "/home/me", "CREDENTIALS_DIRECTORY", dir)
	source := func() SecretSource {
		c, err := Parse("f", []byte(account("")), env, Options{})
		if err != nil {
			t.Fatal(err)
		}
		return c.Accounts[0].Secret
	}
	if got := source(); got.Kind != SecretPrompt {
		t.Errorf("nothing there: %v", got)
	}
	for _, name := range []string{"a", "popsync.a"} { // the longer name wins
		writeFile(t, dir+"/"+name, "x", 0o400)
		if got := source(); got.Kind != SecretCredential || got.File != dir+"/"+name {
			t.Errorf("%s there: %v", name, got)
		}
	}
}

func TestCredentialOfADestination(t *testing.T) {
	dir := t.TempDir()
	env := testEnv("HOME", "/home/me", "CREDENTIALS_DIRECTORY", dir)
	for _, other := range []string{"relay", "popsync.relay", "popsync.a", "a"} { // of accounts
		writeFile(t, dir+"/"+other, "x", 0o400)
	}
	doc := []byte(destination(smtpKeys + "name = 'relay'\nusername = 'u'\n"))
	if _, err := Parse("f", doc, env, Options{}); err == nil || !strings.Contains(err.Error(), "a login without a password") {
		t.Errorf("another's credential is taken: %v", err)
	}
	file := dir + "/popsync.a.deliver.relay"
	writeFile(t, file, "x", 0o400)
	c, err := Parse("f", doc, env, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Accounts[0].Deliver[0].SMTP.Secret; got.Kind != SecretCredential || got.File != file {
		t.Errorf("got %v", got)
	}
}
