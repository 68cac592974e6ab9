package main

import (
	"context"
	"path/filepath"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/internal/alarms"
	"github.com/popsync/popsync/internal/oauth/tokens"
)

// alarmsOf says in which ways the configuration wants people to be told.
func alarmsOf(cfg *config.Config) (alarms.Config, error) {
	c := alarms.Config{
		Dir: alarmDir(cfg), After: cfg.Alarm.After, Parked: cfg.Alarm.Parked, Skipped: cfg.Alarm.Skipped,
		Maildirs: cfg.Alarm.Maildir, Accounts: map[string]alarms.Account{},
		Renamed: func(ctx context.Context, names map[string]string) error {
			return tokens.New(tokens.Options{Dir: tokenDir(cfg)}).Rename(ctx, names)
		},
		Ending: new(app).logins(cfg).Ending,
	}
	var err error
	if c.Shared, err = alarms.Shared(cfg.Alarm.Command, cfg.Alarm.Webhook.Reveal()); err != nil {
		return c, err
	}
	for _, acc := range cfg.Accounts {
		told := alarms.Account{Silent: !acc.Alarm}
		for _, d := range acc.Deliver {
			if folderOf(d) != "" && !d.Fallback {
				told.Maildir, told.Name = d.Path, d.Name
				break
			}
		}
		c.Accounts[acc.Name] = told
	}
	return c, nil
}

func alarmDir(cfg *config.Config) string { return filepath.Join(cfg.StateDir, "alarms") }

// accountOf is an account of a configuration; the zero Account if it has none of that name.
func accountOf(cfg *config.Config, account string) config.Account {
	for _, c := range cfg.Accounts {
		if c.Name == account {
			return c
		}
	}
	return config.Account{}
}
