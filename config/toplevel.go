package config

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/popsync/popsync/config/document"
)

// document checks a whole tree.
func (c *checker) document(tree map[string]any) *Config {
	cfg := &Config{
		File:       c.file,
		Parallel:   64,
		Schedule:   "*/10 * * * *",
		Jitter:     30 * time.Second,
		RunAtStart: true,
		Log:        Log{Level: "info", Format: "auto"},
		Alarm:      defaultAlarm(),
		Limits:     defaultLimits(),
	}
	var socket string
	known := c.documentKeys(cfg, &socket)
	c.nameless(tree, known)
	c.table("", tree, known)
	if cfg.StateDir == "" && !c.concerns(0, "state_dir") {
		if cfg.StateDir = defaultStateDir(c.env); cfg.StateDir == "" {
			c.add("state_dir", "no place for the state: neither STATE_DIRECTORY nor HOME is set", `write state_dir = "/..."`)
		}
	}
	c.socketPlaces(cfg, socket)
	c.backoffOrder(tree, cfg.Limits)
	if v, ok := tree["account"]; ok {
		if f := c.accounts(cfg)(v); f != nil {
			c.add("account", f.text, f.hint)
		}
	} else if !c.lacks {
		hint := "add [account.NAME] with host, username and [[account.NAME.deliver]]"
		if len(c.editions) > 0 {
			hint += ", here or in accounts.d/NAME.toml"
		}
		c.add("account", "no account", hint)
	}
	for _, a := range cfg.Accounts {
		at := document.Path("account").Key(a.Name)
		c.granted(at, a.Secret, a.Auth, cfg.OAuth, "pop")
		for i, d := range a.Deliver {
			if d.SMTP != nil {
				c.granted(at.Key("deliver").Index(i), d.SMTP.Secret, d.SMTP.Auth, cfg.OAuth, "smtp")
			}
			if d.IMAP != nil {
				c.granted(at.Key("deliver").Index(i), d.IMAP.Secret, d.IMAP.Auth, cfg.OAuth, "imap")
			}
			if d.Gmail != nil {
				c.granted(at.Key("deliver").Index(i), d.Gmail.Secret, AuthAuto, cfg.OAuth, "gmail")
			}
		}
	}
	slices.SortFunc(cfg.Accounts, func(a, b Account) int { return strings.Compare(a.Name, b.Name) })
	return cfg
}

func (c *checker) documentKeys(cfg *Config, socket *string) keys {
	return keys{
		"state_dir": c.env.path(&cfg.StateDir),
		"parallel":  integer(&cfg.Parallel, 1, 100_000),
		"per_host":  integer(&cfg.PerHost, 0, 100_000),
		"host_rate": integer(&cfg.HostRate, 0, 100_000),
		"log":       c.subtable("log", logKeys(c.env, &cfg.Log)),
		"control":   c.subtable("control", controlKeys(c.env, socket)),
		"metrics":   c.subtable("metrics", metricsKeys(c.env, &cfg.Metrics)),
		"alarm":     c.subtable("alarm", alarmKeys(c.env, &cfg.Alarm)),
		"limits":    c.subtable("limits", limitKeys(&cfg.Limits)),
		"oauth":     c.oauth(cfg),
		"account":   func(any) *fault { return nil }, // checked last, it takes defaults from the others
		"include":   func(any) *fault { return nil }, // done by now, and so are
		"defaults":  func(any) *fault { return nil },

		"schedule":     c.schedule(&cfg.Schedule),
		"timezone":     text(&cfg.Timezone, checkTimezone),
		"jitter":       jitter(&cfg.Jitter),
		"run_at_start": boolean(&cfg.RunAtStart),
	}
}

func logKeys(env Env, l *Log) keys {
	return keys{
		"level":  oneOf(&l.Level, "debug", "info", "warn", "error"),
		"format": oneOf(&l.Format, "auto", "console", "json"),
		"file":   env.output(&l.File, ""),
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
		if _, ok := m["host"]; ok && document.Nearest(k, []string{"account"}) == "" {
			c.add(document.Path("").Key(k), "unknown table", "an account is written ["+string(document.Path("account").Key(k))+"]")
			delete(tree, k)
		}
	}
}
