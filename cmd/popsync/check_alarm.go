package main

import (
	"context"

	"github.com/popsync/popsync/internal/alarms"
	"github.com/popsync/popsync/internal/checkup"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/names"
	"github.com/popsync/popsync/uidl"
)

// checkAlarm sends a test alarm in each way in which people are told of accounts: into each account's own Maildir, and once by
// what all accounts share. Real alarms go the same ways.
func (a looking) checkAlarm(ctx context.Context, args []string, o checkOptions) error {
	cfg, accounts, err := a.chosen(args)
	if err != nil {
		return err
	}
	var ledger uidl.Ledger = names.Empty{}
	if hasLedger(cfg) {
		k, err := openKnown(ctx, cfg)
		if err != nil {
			return err
		}
		defer k.Close()
		ledger = k
	}
	told, err := alarmsOf(cfg)
	if err != nil {
		return exit.With(exit.Config, err)
	}
	return a.present(ctx, checkup.Begin(ctx, alarms.Trial(ctx, told, ledger, accountNames(accounts))), o, func() {})
}
