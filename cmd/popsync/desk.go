package main

import (
	"context"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/internal/control"
	"github.com/popsync/popsync/internal/decisions"
	"github.com/popsync/popsync/uidl"
)

// deciding are the commands by which a person decides about accounts and their messages.
type deciding struct{ *app }

// desk is where a person decides about accounts of a configuration.
func (a deciding) desk(cfg *config.Config) *decisions.Desk {
	return &decisions.Desk{
		Console: a.Console, HasLedger: hasLedger(cfg), Options: budgeted(cfg),
		Ledger: func(ctx context.Context) (uidl.Ledger, error) { return orNone(openKnown(ctx, cfg)) },
		Summaries: func(ctx context.Context) ([]uidl.Summary, error) {
			sums, _, err := summaries(ctx, cfg)
			return sums, err
		},
		Daemon: func(ctx context.Context) (*control.Client, control.Status, error) { return a.findDaemon(ctx, cfg) },
	}
}

// decide has a person decide about an account.
func (a deciding) decide(name string, do func(*config.Config, config.Account, *decisions.Desk) error) error {
	cfg, accounts, err := a.chosen([]string{name})
	if err != nil {
		return err
	}
	return do(cfg, accounts[0], a.desk(cfg))
}

// decideAll has a person decide about accounts; none named: all.
func (a deciding) decideAll(names []string, do func(*decisions.Desk, []string) error) error {
	cfg, accounts, err := a.chosen(names)
	if err != nil {
		return err
	}
	return do(a.desk(cfg), accountNames(accounts))
}

func accountNames(accounts []config.Account) (names []string) {
	for _, acc := range accounts {
		names = append(names, acc.Name)
	}
	return names
}

// findDaemon finds the daemon of this configuration, and what it says of itself: see control.Find.
func (a *app) findDaemon(ctx context.Context, cfg *config.Config) (*control.Client, control.Status, error) {
	return control.Find(ctx, cfg.Control.Sockets, cfg.StateDir, func(file string) bool { return deliver.Resolve(file) == ownerOf(cfg) })
}
