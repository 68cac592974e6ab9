package config

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/popsync/popsync/config/document"
)

// source collects the keys of an account or a destination that say where its secret is found. None of its converters
// shows a value.
type source struct {
	literal string
	file    string
	command []string
	oauth   string
}

// sourceKeys gives the keys of a source; empty is the advice for an empty password.
func sourceKeys(env Env, s *source, empty string) keys {
	return keys{
		"password": text(&s.literal, func(s string) *fault {
			switch {
			case s == "":
				return &fault{text: "must not be empty", hint: empty}
			case strings.ContainsAny(s, "\r\n\x00"):
				return &fault{text: "must not hold a line end or a NUL"}
			}
			return notMasked("secret")(s) // it would be tried, and refused
		}),
		"password_file":    env.secretPath(&s.file),
		"oauth":            text(&s.oauth, nil),
		"password_command": env.argv(&s.command, `["pass", "show", "mail/work"]`, false),
	}
}

// secretPath is path for a key whose value might be a secret put in the wrong place.
func (e Env) secretPath(dst *string) convert {
	return func(v any) *fault {
		s, ok := v.(string)
		switch {
		case !ok:
			return want("a path in quotes", v, "")
		case s == "":
			return &fault{text: "must not be empty"}
		case !strings.HasPrefix(s, "~") && !filepath.IsAbs(s):
			return &fault{text: "not an absolute path", hint: "write an absolute path or ~/..."}
		}
		p, f := e.expand(s)
		if f == nil {
			*dst = p
		}
		return f
	}
}

// given names the keys of a table that say where a secret is found.
func given(m map[string]any) []string {
	var keys []string
	for _, k := range []SecretKind{SecretLiteral, SecretFile, SecretCommand, SecretOAuth} {
		if v, ok := m[string(k)]; ok && (k != SecretOAuth || v != "") {
			keys = append(keys, string(k))
		}
	}
	return keys
}

// secret chooses the one source of the table m at path: a key, else the first systemd credential that exists. The zero
// source: there is none, or more than one, which is reported.
func (c *checker) secret(path document.Path, m map[string]any, s source, credentials ...string) SecretSource {
	keys := given(m)
	if len(keys) > 1 {
		if keys[len(keys)-1] == string(SecretOAuth) {
			c.add(path.Key(string(SecretOAuth)), "a login by OAuth needs no "+keys[0], "keep one of the two")
			return SecretSource{}
		}
		c.add(path.Key(keys[len(keys)-1]), "more than one source of the secret: "+strings.Join(keys, ", "), "keep one")
		return SecretSource{}
	}
	if len(keys) == 1 {
		switch SecretKind(keys[0]) {
		case SecretLiteral:
			return SecretSource{Kind: SecretLiteral, Literal: newSecret(s.literal), Origin: c.originOf(path.Key(string(SecretLiteral)))}
		case SecretFile:
			return SecretSource{Kind: SecretFile, File: s.file}
		case SecretOAuth:
			return SecretSource{Kind: SecretOAuth, OAuth: s.oauth}
		default:
			return SecretSource{Kind: SecretCommand, Command: s.command}
		}
	}
	if dir := c.env.get("CREDENTIALS_DIRECTORY"); dir != "" {
		for _, name := range credentials {
			file := filepath.Join(dir, name)
			if _, err := os.Stat(file); err == nil {
				return SecretSource{Kind: SecretCredential, File: file}
			}
		}
	}
	return SecretSource{}
}

// originOf names the file in which the secret at a path stands, and its edition; "": it was not read from a file. What an account
// has from [defaults] has no place of its own.
func (c *checker) originOf(path document.Path) string {
	file := c.file
	if _, own := c.where[path]; own {
		file = c.fileOf(path)
	}
	if edition, ok := c.editions[file]; ok {
		return file + " " + edition
	}
	return ""
}

// certified is the secret of a login: with auth = "external" there is none, and one that was written is reported.
func (c *checker) certified(at document.Path, m map[string]any, auth Auth, found SecretSource) SecretSource {
	if auth != AuthExternal || found.Kind == SecretOAuth { // which is told elsewhere
		return found
	}
	for _, k := range given(m) {
		c.add(at.Key(k), `is of no use with auth = "external": the client certificate tells who logs in`, "keep one of the two")
	}
	return SecretSource{}
}

// accountCredentials names the systemd credentials that may hold an account's secret. A name that can't be used in a
// path has none.
func accountCredentials(account string) []string {
	if checkName(account) != nil {
		return nil
	}
	return []string{"popsync." + account, account}
}

// deliverCredentials does so for a destination.
func deliverCredentials(account, name string) []string {
	if checkName(account) != nil || checkName(name) != nil {
		return nil
	}
	return []string{"popsync." + account + ".deliver." + name}
}
