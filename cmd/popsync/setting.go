package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/popsync/popsync/config"
)

// loginSetting identifies all that decides whether an account's login can work: see fetcher.Account.Setting. It names
// the secret's source and when that changed, never the secret.
func loginSetting(cfg *config.Config, c config.Account) string {
	secretOf := sourceIdentity(cfg, c.Secret)
	if c.Secret.Kind == config.SecretOAuth {
		secretOf = new(app).loginBy(cfg, accountHolder(c)).Identity()
	}
	parts := []string{c.Host, strconv.Itoa(c.Port), string(c.TLS), c.CAFile, c.Username, string(c.Auth), secretOf}
	return digest(slices.Concat(parts, networkSetting(cfg, c.Network), trustSetting(c.Trust))...)
}

// trustSetting identifies what else TLS goes by, but for the CA file; nothing, where nothing is set.
func trustSetting(t config.Trust) []string { return trustOf(t).Identity() }

// mailboxOf identifies an account's mailbox: see fetcher.Account.Mailbox.
func mailboxOf(c config.Account) string {
	return digest(strings.ToLower(strings.TrimSuffix(c.Host, ".")), strconv.Itoa(c.Port), c.Username)
}

// mailboxesOf are the mailboxes of a configuration, by account.
func mailboxesOf(cfg *config.Config) map[string]string {
	all := make(map[string]string, len(cfg.Accounts))
	for _, c := range cfg.Accounts {
		all[c.Name] = mailboxOf(c)
	}
	return all
}

// sourceIdentity is that of a secret's source, and when it changed last. A systemd credential is a new file each time that
// the service starts: by its time, a timer would make every login look like one that was never refused.
func sourceIdentity(cfg *config.Config, s config.SecretSource) string {
	if s.Kind == config.SecretOAuth {
		return string(s.Kind) + " " + s.OAuth
	}
	if s.Kind == config.SecretCredential || s.Kind == config.SecretPrompt {
		return string(s.Kind) + " " + s.File
	}
	return secretSource(cfg, s, nil).Identity()
}

// deliverSetting identifies how a destination is reached, for the same purpose; "" where that tells nothing.
func deliverSetting(cfg *config.Config, d config.Deliver) string { return typeOf(d).setting(cfg, d) }

func digest(parts ...string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", parts))
	return hex.EncodeToString(sum[:12])
}
