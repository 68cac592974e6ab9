package config

import (
	"maps"
	"slices"
	"strings"
)

// document checks a whole tree.
func (c *checker) document(tree map[string]any) *Config {
	cfg := &Config{
		File:     c.file,
		Parallel: 64,
		Schedule: "*/10 * * * *",
		Log:      Log{Level: "info", Format: "auto"},
		Limits:   defaultLimits(),
	}
	known := c.documentKeys(cfg)
	c.nameless(tree, known)
	c.table("", tree, known)
	if cfg.StateDir == "" && !c.concerns(0, "state_dir") {
		if cfg.StateDir = defaultStateDir(c.env); cfg.StateDir == "" {
			c.add("state_dir", "no place for the state: neither STATE_DIRECTORY nor HOME is set", `write state_dir = "/..."`)
		}
	}
	if _, ok := tree["account"]; !ok {
		c.add("account", "no account", "add [account.NAME] with host, username and [[account.NAME.deliver]]")
	} else if m, ok := tree["account"].(map[string]any); ok && len(m) == 0 {
		c.add("account", "no account", "write [account.NAME], for example [account.work]")
	}
	for i := range cfg.Accounts {
		if cfg.Accounts[i].Schedule == "" {
			cfg.Accounts[i].Schedule = cfg.Schedule
		}
	}
	slices.SortFunc(cfg.Accounts, func(a, b Account) int { return strings.Compare(a.Name, b.Name) })
	return cfg
}

func (c *checker) documentKeys(cfg *Config) keys {
	return keys{
		"state_dir": c.path(&cfg.StateDir),
		"parallel":  integer(&cfg.Parallel, 1, 100_000),
		"per_host":  integer(&cfg.PerHost, 0, 100_000),
		"schedule":  c.schedule(&cfg.Schedule),
		"log":       c.subtable("log", logKeys(&cfg.Log)),
		"limits":    c.subtable("limits", limitKeys(&cfg.Limits)),
		"account":   c.accounts(&cfg.Accounts),
	}
}

func logKeys(l *Log) keys {
	return keys{
		"level":  oneOf(&l.Level, "debug", "info", "warn", "error"),
		"format": oneOf(&l.Format, "auto", "console", "json"),
	}
}

// nameless finds tables such as [work] that were meant as [account.work], and takes them out of the tree so that they
// are reported once, with that advice.
func (c *checker) nameless(tree map[string]any, known keys) {
	for _, k := range slices.Sorted(maps.Keys(tree)) {
		m, ok := tree[k].(map[string]any)
		if _, here := known[k]; here || !ok {
			continue
		}
		if _, ok := m["host"]; ok && nearest(k, []string{"account"}) == "" {
			c.add(member("", k), "unknown table", "an account is written ["+member("account", k)+"]")
			delete(tree, k)
		}
	}
}
