package config

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/popsync/popsync/config/document"
)

// inherit gives each account of the tree the keys of [defaults] that it does not have itself. {account} in their texts is
// its name. Destinations are inherited together or not at all, and so are the keys of the secret, and those of proxy and
// connect_command: an account that says one of them has none of the others. One that logs in by a client certificate has no secret.
func (c *checker) inherit(tree map[string]any) {
	v, ok := tree["defaults"]
	if !ok {
		return
	}
	defaults, ok := v.(map[string]any)
	if !ok {
		c.add("defaults", "must be a table, not "+kind(v), "write [defaults] and its keys below")
		return
	}
	before := len(c.problems)
	c.table("defaults", defaults, c.accountKeys("defaults", &Account{}, &source{}))
	if keys := given(defaults); len(keys) > 1 {
		c.add(document.Path("defaults").Key(keys[len(keys)-1]), "more than one source of the secret: "+strings.Join(keys, ", "), "keep one")
	}
	c.placeholders("defaults", defaults)
	told := len(c.problems) > before
	accounts, _ := tree["account"].(map[string]any)
	c.own = make(map[string]map[string]any, len(accounts))
	for _, name := range slices.Sorted(maps.Keys(accounts)) {
		own, ok := accounts[name].(map[string]any)
		if !ok {
			continue
		}
		all := maps.Clone(own)
		for k, v := range defaults {
			secretless := len(given(own)) > 0 || own["auth"] == string(AuthExternal)
			if _, has := own[k]; has || secretless && slices.Contains(given(defaults), k) || saysWay(own) && isWay(k) {
				continue
			}
			if k != string(SecretLiteral) {
				v = named(v, name)
			}
			all[k] = v
			if told { // once, where they stand
				c.silent[document.Path("account").Key(name).Key(k)] = true
			}
		}
		accounts[name], c.own[name] = all, own
	}
}

// placeholders refuses other words in braces than {account} where a path is meant: they would make odd folders.
func (c *checker) placeholders(at document.Path, m map[string]any) {
	for _, k := range []string{"path", "folder", "password_file", "ca_file", "tls_client_cert", "tls_client_key", "proxy_password_file"} {
		if s, ok := m[k].(string); ok && strings.ContainsAny(strings.ReplaceAll(s, "{account}", ""), "{}") {
			c.add(at.Key(k), "holds a word in braces that means nothing", "{account} is the name of the account")
		}
	}
	list, _ := asTables(m["deliver"])
	for i, d := range list {
		c.placeholders(at.Key("deliver").Index(i), d)
	}
}

// inBraces is a word in braces, as others expand it.
var inBraces = regexp.MustCompile(`\{[a-z_]+\}`)

// ownName fills the name of an account into where a destination of its own brings mail, as [defaults] does it. Other words in braces are
// refused there.
func (c *checker) ownName(at document.Path, account string, m map[string]any) map[string]any {
	if account == "" { // [defaults], where each account will fill in its own
		return m
	}
	for _, k := range []string{"path", "folder"} {
		s, ok := m[k].(string)
		if !ok || !strings.Contains(s, "{") {
			continue
		}
		s = strings.ReplaceAll(s, "{account}", account)
		m = maps.Clone(m)
		m[k] = s
		if word := inBraces.FindString(s); word != "" {
			c.add(at.Key(k), document.Shown(word)+" means nothing here", "{account} is the name of the account; there are no other words in braces")
		}
	}
	return m
}

// named is a value with the name of an account in the place of {account}.
func named(v any, account string) any {
	switch v := v.(type) {
	case string:
		return strings.ReplaceAll(v, "{account}", account)
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = named(v[i], account)
		}
		return list
	case []map[string]any:
		list := make([]map[string]any, len(v))
		for i := range v {
			list[i] = named(v[i], account).(map[string]any)
		}
		return list
	case map[string]any:
		m := make(map[string]any, len(v))
		for k, e := range v {
			if m[k] = e; k != string(SecretLiteral) {
				m[k] = named(e, account)
			}
		}
		return m
	}
	return v
}
