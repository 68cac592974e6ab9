package main

import (
	"context"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/exit"
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
		return nil, exit.With(exit.Of(verdict.OfLedger(err)), err)
	}
	return k, nil
}

// orNone is a ledger that could be opened: with an error no ledger, not one that is nil.
func orNone(k *names.Ledger, err error) (uidl.Ledger, error) {
	if err != nil {
		return nil, err
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
