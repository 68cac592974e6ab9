package config

import (
	"fmt"
	"maps"
	"slices"

	"github.com/popsync/popsync/config/document"
)

// merge takes in the accounts of an included file. There are accounts in it and nothing else, so that nobody has to look there for
// what counts for all.
func (c *checker) merge(tree map[string]any, s *sheet) {
	more, where, p := document.Decode(s.path, s.data)
	if p != nil {
		c.partly(*p)
		return
	}
	c.editions[s.path] = s.edition
	problem := func(at document.Path, text, hint string) {
		c.partly(Problem{File: s.path, Line: where[at], Key: at.Short(), Text: document.Limit(text), Hint: document.Limit(hint)})
	}
	if literal := literalAt(more, where); literal != "" {
		if f := s.judge(literal); f != nil {
			problem(literal, f.text, f.hint)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(more)) {
		if k != "account" {
			problem(document.Path("").Key(k), "only accounts may stand in an included file", "write it into "+c.file)
		}
	}
	v, ok := more["account"]
	if !ok {
		return
	}
	accounts, ok := v.(map[string]any)
	if !ok {
		problem("account", "accounts are tables with names", "write [account.NAME], for example [account.work]")
		return
	}
	all, ok := tree["account"].(map[string]any)
	if !ok {
		if _, odd := tree["account"]; odd {
			return // it is told by itself
		}
		all = map[string]any{}
		tree["account"] = all
	}
	taken := map[document.Path]bool{}
	nameless := false
	for _, name := range slices.Sorted(maps.Keys(accounts)) {
		at := document.Path("account").Key(name)
		if _, table := accounts[name].(map[string]any); !table && c.isAccountKey(name) {
			nameless = true
			continue
		}
		if _, there := all[name]; there {
			problem(at, fmt.Sprintf("there is an account of that name in %s:%d too", c.fileOf(at), c.line(at)), "give one of them another name")
			continue
		}
		all[name] = accounts[name]
		c.files[at] = s.path
		taken[at] = true
	}
	if nameless {
		problem("account", namelessText, namelessHint)
	}
	for path, line := range where { // once for all accounts: there may be thousands in a file
		for at := path; at != ""; at = at.Above() {
			if taken[at] {
				c.where[path] = line
				break
			}
		}
	}
}

// partly notes a problem of an included file: what it should have brought is not told to be missing.
func (c *checker) partly(p Problem) {
	c.problems = append(c.problems, p)
	c.lacks = true
}
