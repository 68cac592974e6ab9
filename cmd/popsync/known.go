package main

import (
	"context"

	"go.uber.org/zap"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/internal/names"
	"github.com/popsync/popsync/uidl"
)

// openKnown opens a ledger for a command that is told an account's name of today: what the next run will rename is found
// under its old name. The caller has made sure that there is a ledger.
func openKnown(ctx context.Context, cfg *config.Config) (*names.Ledger, error) {
	l, err := openLedger(ctx, cfg)
	if err != nil {
		return nil, err
	}
	k, err := knownAs(ctx, cfg, l)
	if err != nil {
		l.Close()
		return nil, &exitError{exitOf(ledgerClass(err)), err}
	}
	return k, nil
}

// knownAs is a ledger with the names that the next run gives accounts.
func knownAs(ctx context.Context, cfg *config.Config, l uidl.Ledger) (*names.Ledger, error) {
	return namesOf(cfg).Tomorrow(ctx, l)
}

// namesOf is a configuration as the room of names takes it.
func namesOf(cfg *config.Config) *names.Configured {
	return names.New(ownerOf(cfg), mailboxesOf(cfg), func(file string) []string { return accountsIn(cfg, file) })
}

// adoptNames makes the ledger and the alarms follow accounts that were renamed: see names.Configured.Follow.
func adoptNames(ctx context.Context, cfg *config.Config, ledger uidl.Ledger, al *alarms, log *zap.Logger, barrier error) (held map[string]error, err error) {
	moved, held, err := namesOf(cfg).Follow(ctx, ledger, barrier)
	if err != nil || len(moved) == 0 {
		return held, err
	}
	told, mailboxes := map[string]string{}, mailboxesOf(cfg)
	for _, m := range moved {
		told[m.From] = m.To
		if mailboxes[m.To] == "" {
			told[m.From] = "" // it was moved aside: nobody is to be told of it
		}
		log.Info("account renamed", zap.String("account", m.To), zap.String("was", m.From))
	}
	if err := al.notifier.Rename(told); err != nil {
		log.Warn("alarm not renamed", zap.String("error", errorText(err)))
	}
	return held, nil
}
