package config

import (
	"maps"
	"slices"
	"time"

	"github.com/popsync/popsync/config/document"
)

// OAuth is a provider of OAuth 2.0 tokens and the person's own client there: [oauth.NAME]. Whether it can work is judged by
// Options.CheckOAuth.
type OAuth struct {
	Name     string // as that of an account
	Provider string // one that is known; "": what follows is all there is
	Issuer   string // https; its metadata tells the endpoints that are missing

	AuthURL, TokenURL, DeviceURL, RevokeURL string // "": the provider's

	Tenant     string       // of Microsoft; "": "common"
	ClientID   string       // as registered
	Secret     SecretSource // the client's; the zero source: it has none
	SecretEnds time.Time    // when the provider will refuse it, as the person stated; zero: not stated
	Scopes     []string     // nil: the provider's
	Flow       string       // how people log in, or that nobody has to; "": the provider's first
	Redirect   string       // as registered; "": that of programs
	KeyFile    string       // of a service account, absolute; "": none
	Testing    bool         // the client is not published, as Google calls it

	Used bool // an account or a destination names it

	TokenCommand []string // a program that keeps the tokens: its absolute path, and arguments; nil: files in StateDir
}

// oauth is the converter of the table [oauth].
func (c *checker) oauth(cfg *Config) convert {
	return func(v any) *fault {
		m, ok := v.(map[string]any)
		if !ok {
			return want("a table", v, "write [oauth.NAME], for example [oauth.microsoft]")
		}
		own := c.oauthKeys(&OAuth{}, new(string))
		nameless := false
		for _, name := range slices.Sorted(maps.Keys(m)) {
			at := document.Path("oauth").Key(name)
			table, ok := m[name].(map[string]any)
			if _, known := own[name]; known && !ok {
				nameless = true
				continue
			}
			if !ok {
				c.add(at, "must be a table, not "+kind(m[name]), "write [oauth."+name+"] and its keys below")
				continue
			}
			if f := checkName(name); f != nil {
				c.add(at, f.text, f.hint)
			}
			cfg.OAuth = append(cfg.OAuth, c.grant(at, name, table))
		}
		if nameless {
			return &fault{text: "keys of a provider without a name", hint: "write [oauth.NAME], for example [oauth.microsoft]"}
		}
		return nil
	}
}

// grant checks one table.
func (c *checker) grant(at document.Path, name string, m map[string]any) OAuth {
	before := len(c.problems)
	o := OAuth{Name: name}
	var literal string
	c.table(at, m, c.oauthKeys(&o, &literal))
	var keys []string
	for _, k := range clientSecretKeys {
		if _, ok := m[k]; ok {
			keys = append(keys, k)
		}
	}
	switch {
	case len(keys) > 1:
		c.add(at.Key(keys[len(keys)-1]), "more than one source of the client secret", "keep one")
	case literal != "":
		o.Secret = SecretSource{Kind: SecretLiteral, Literal: newSecret(literal), Origin: c.originOf(at.Key("client_secret"))}
	case o.Secret.File != "":
		o.Secret.Kind = SecretFile
	case o.Secret.Command != nil:
		o.Secret.Kind = SecretCommand
	case len(keys) == 0 && checkName(name) == nil:
		o.Secret = c.secret(at, nil, source{}, "popsync.oauth."+name)
	}
	if len(c.problems) > before {
		c.unsound(name)
	}
	return o
}

// clientSecretKeys say where a client secret is found.
var clientSecretKeys = []string{"client_secret", "client_secret_command", "client_secret_file"}

func (c *checker) oauthKeys(o *OAuth, literal *string) keys {
	s := &source{}
	from := sourceKeys(c.env, s, "leave the key out if the client has none")
	return keys{
		"provider":   text(&o.Provider, nil),
		"issuer":     text(&o.Issuer, notMasked("URL")),
		"auth_url":   text(&o.AuthURL, notMasked("URL")),
		"token_url":  text(&o.TokenURL, notMasked("URL")),
		"device_url": text(&o.DeviceURL, notMasked("URL")),
		"revoke_url": text(&o.RevokeURL, notMasked("URL")),
		"tenant":     text(&o.Tenant, nil),
		"client_id":  text(&o.ClientID, nil),
		"client_secret": func(v any) *fault {
			f := from[string(SecretLiteral)](v)
			*literal = s.literal
			return f
		},
		"client_secret_file": func(v any) *fault {
			f := from[string(SecretFile)](v)
			o.Secret.File = s.file
			return f
		},
		"client_secret_command": func(v any) *fault {
			f := from[string(SecretCommand)](v)
			o.Secret.Command = s.command
			return f
		},
		"client_secret_ends": date(&o.SecretEnds),
		"scopes":             someOf(&o.Scopes, 100, `write a list of texts: ["mail"]`, checkScope),
		"flow":               text(&o.Flow, nil),
		"redirect":           text(&o.Redirect, notMasked("URL")),
		"key_file":           c.env.secretPath(&o.KeyFile),
		"testing":            boolean(&o.Testing),
		"token_command":      c.env.argv(&o.TokenCommand, `["/usr/local/bin/keep-tokens"]`, true),
	}
}

// checkScope accepts a scope (RFC 6749, section 3.3).
func checkScope(s string) *fault {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' || s[i] == '"' || s[i] == '\\' {
			return &fault{text: document.Shown(s) + " is not one scope", hint: `write each as a text of its own: ["openid", "email"]`}
		}
	}
	if s == "" {
		return &fault{text: "must not be empty"}
	}
	return nil
}

// date accepts a day: at its beginning, UTC.
func date(dst *time.Time) convert {
	return func(v any) *fault {
		at, ok := v.(time.Time)
		if s, is := v.(string); is {
			var err error
			at, err = time.Parse(time.DateOnly, s)
			ok = err == nil
		}
		if !ok {
			return want("a date", v, "such as 2027-01-31")
		}
		*dst = time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC)
		return nil
	}
}

// granted checks the OAuth grant that an account or a destination names at a path. use is what for: "pop", "smtp", "imap" or "gmail".
func (c *checker) granted(at document.Path, s SecretSource, auth Auth, grants []OAuth, use string) {
	if s.Kind != SecretOAuth {
		return
	}
	if auth != AuthAuto && auth != authXOAUTH2 && auth != authBearer {
		what := "a password"
		if auth == AuthExternal {
			what = "a client certificate"
		}
		c.add(at.Key("auth"), document.Shown(string(auth))+" is for "+what+", and this login is by OAuth", `leave auth out, or write "xoauth2" or "oauthbearer"`)
	}
	at = at.Key(string(SecretOAuth))
	i := slices.IndexFunc(grants, func(o OAuth) bool { return o.Name == s.OAuth })
	if i < 0 {
		var names []string
		for _, o := range grants {
			names = append(names, o.Name)
		}
		hint := document.DidYouMean(s.OAuth, names)
		if hint == "" {
			hint = "write [oauth." + s.OAuth + "] with provider and client_id"
		}
		c.add(at, "there is no [oauth."+s.OAuth+"]", hint)
		return
	}
	grants[i].Used = true
	if c.opts.CheckOAuth == nil || c.bad[s.OAuth] {
		return
	}
	key, text, hint := c.opts.CheckOAuth(grants[i], use)
	if text == "" {
		return
	}
	where := document.Path("oauth").Key(s.OAuth)
	if key != "" {
		where = where.Key(key)
	}
	if !slices.ContainsFunc(c.problems, func(p Problem) bool { return p.Key == where.Short() && p.Text == document.Limit(text) }) { // once for all who use it
		c.add(where, text, hint)
	}
}

// unsound notes that a grant has problems already: one that follows from them is not told too.
func (c *checker) unsound(name string) {
	if c.bad == nil {
		c.bad = map[string]bool{}
	}
	c.bad[name] = true
}
