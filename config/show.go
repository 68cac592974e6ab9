package config

import (
	"cmp"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/popsync/popsync/config/document"
)

// Merged is a configuration with all of its files in one.
type Merged struct {
	*Config
	c *checker
}

// Merge is Load for whoever wants to show what it comes to.
func Merge(path string, env Env, o Options) (*Merged, error) {
	c, cfg := load(path, env, o)
	cfg, err := c.result(cfg)
	if err != nil {
		return nil, err
	}
	return &Merged{cfg, c}, nil
}

// Write writes it as TOML: each account with what it has from [defaults] and from the top, and where that is from, in comments. Of
// secrets, and of what may be one, only that they are there. accounts are those to be written, with the providers that they log in
// by; none: all of the configuration. ascii: the screen knows no more.
func (m *Merged) Write(w io.Writer, accounts []string, ascii bool) error {
	var tables []document.Table
	if len(accounts) == 0 {
		tables = m.c.general()
	}
	for _, a := range m.Accounts {
		if len(accounts) > 0 && !slices.Contains(accounts, a.Name) {
			continue
		}
		if len(accounts) > 0 {
			tables = append(tables, m.c.grantsOf(a)...)
		}
		tables = append(tables, m.c.accountTables(a)...)
	}
	head := document.Remark("The configuration as it counts: "+m.File) +
		document.Remark("and the files of accounts that are read with it. Secrets are not shown.") +
		document.Remark("Keys that are not here have their defaults: see config.example.toml.")
	if _, err := io.WriteString(w, head); err != nil {
		return err
	}
	return document.Write(w, once(tables), ascii)
}

// once leaves out tables that are there already: two accounts may log in by one provider.
func once(tables []document.Table) []document.Table {
	met := map[document.Path]bool{}
	return slices.DeleteFunc(tables, func(t document.Table) bool {
		seen := met[t.Path] && !t.List && t.Path != ""
		met[t.Path] = true
		return seen
	})
}

// general are the tables that are about no account: first the keys above all tables, then these.
func (c *checker) general() (all []document.Table) {
	rest := maps.Clone(c.tree)
	for _, k := range []string{"account", "defaults", "include"} { // they are in the accounts by now
		delete(rest, k)
	}
	all = c.tables("", rest, "", "")
	if len(all[0].Pairs) == 0 {
		all = all[1:]
	}
	return all
}

// grantsOf are the tables of the providers that an account and its destinations log in by.
func (c *checker) grantsOf(a Account) (all []document.Table) {
	grants, _ := c.tree["oauth"].(map[string]any)
	names := []string{a.Secret.OAuth}
	for _, d := range a.Deliver {
		if d.SMTP != nil {
			names = append(names, d.SMTP.Secret.OAuth)
		}
		if d.IMAP != nil {
			names = append(names, d.IMAP.Secret.OAuth)
		}
		if d.Gmail != nil {
			names = append(names, d.Gmail.Secret.OAuth)
		}
	}
	for _, name := range names {
		if g, ok := grants[name].(map[string]any); ok {
			all = append(all, c.tables(document.Path("oauth").Key(name), g, "", "")...)
		}
	}
	return all
}

// Where an account has a key from.
const (
	fromDefaults = "from [defaults]"
	fromTop      = "from the top"
)

// accountTables are those of an account and its destinations.
func (c *checker) accountTables(a Account) []document.Table {
	at := document.Path("account").Key(a.Name)
	accounts, _ := c.tree["account"].(map[string]any)
	all, _ := accounts[a.Name].(map[string]any)
	own, ok := c.own[a.Name]
	if !ok {
		own = all
	}
	inherited := maps.Clone(all)
	maps.DeleteFunc(inherited, func(k string, _ any) bool { _, has := own[k]; return has })
	top := map[string]any{}
	for _, k := range []string{"schedule", "timezone", "jitter", "run_at_start"} {
		if v, said := c.tree[k]; said && all[k] == nil {
			top[k] = v
		}
	}
	tables := c.tables(at, own, "", a.Name)
	head, inherits := tables[0], c.tables("defaults", inherited, fromDefaults, a.Name)
	head.Above = c.fileOf(at) + ", line " + strconv.Itoa(c.line(at))
	head.Pairs = slices.Concat(head.Pairs, inherits[0].Pairs, c.tables("", top, fromTop, a.Name)[0].Pairs)
	switch a.Secret.Kind {
	case SecretPrompt:
		head.Note = "the password is asked on the terminal"
	case SecretCredential:
		head.Note = "the password is in " + a.Secret.File
	}
	tables[0] = head
	for _, t := range inherits[1:] {
		t.Path = at + t.Path[len("defaults"):]
		tables = append(tables, t)
	}
	return tables
}

// tables are the table m at a path and those in it, in the order of its file. note says where they are from, if that is not where
// the account is. account is whose they are; "": nobody's.
func (c *checker) tables(at document.Path, m map[string]any, note, account string) []document.Table {
	all := []document.Table{{Path: at}}
	keys := slices.SortedFunc(maps.Keys(m), func(a, b string) int {
		return cmp.Or(cmp.Compare(c.where[at.Key(a)], c.where[at.Key(b)]), strings.Compare(a, b))
	})
	for _, k := range keys {
		if sub, ok := m[k].(map[string]any); ok {
			inner := c.tables(at.Key(k), sub, note, account)
			if len(inner) > 1 && len(inner[0].Pairs) == 0 { // as [oauth] has none of its own
				inner = inner[1:]
			}
			all = append(all, inner...)
			continue
		}
		list, ok := asTables(m[k])
		if !ok || len(list) == 0 {
			all[0].Pairs = append(all[0].Pairs, document.Pair{Key: k, Value: disguised(k, m[k], account), Note: note})
			continue
		}
		for i, sub := range list {
			inner := c.tables(at.Key(k).Index(i), sub, "", account) // what is beside its head goes for all of it
			inner[0].Path, inner[0].List, inner[0].Note = at.Key(k), true, note
			all = append(all, inner...)
		}
	}
	return all
}
