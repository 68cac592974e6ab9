package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/internal/control"
	"github.com/popsync/popsync/internal/decisions"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/usage"
	"github.com/popsync/popsync/uidl"
)

func (a deciding) baselineCommand() *cobra.Command {
	var undo bool
	c := &cobra.Command{
		Use:   "baseline ACCOUNT",
		Short: "Mark everything now on the server as seen, without fetching it",
		Long: `Log in, list the mailbox, and remember every message that is there as seen, so that runs fetch only what comes later.
Nothing is fetched, delivered or deleted. What is marked so is never deleted on the server either, whatever 'delete'
says: popsync did not deliver it.

With --undo the last baseline is taken back, as long as no run has fetched anything since: what it marked is new again, or
held back again where it was before. What an account's first run left out, as first_fetch says in its configuration, can be
taken back whatever was fetched since. No server is asked then.`,
		Example:           "  popsync baseline work\n  popsync baseline --undo work",
		Args:              usage.One("an account", "baseline work"),
		ValidArgsFunction: a.completeAccounts,
		RunE: func(cmd *cobra.Command, args []string) error {
			if undo {
				return a.decide(args[0], func(_ *config.Config, acc config.Account, d *decisions.Desk) error {
					return a.endsFirstFetch(acc, d.UndoBaseline(cmd.Context(), args[0]))
				})
			}
			return a.listing(cmd.Context(), args[0], func(d *decisions.Desk, l uidl.Ledger, acc fetcher.Account) error {
				return d.Baseline(cmd.Context(), l, acc)
			})
		},
	}
	c.Flags().BoolVar(&undo, "undo", false, "take the last baseline back, as long as nothing was fetched since")
	return c
}

// listing has a person decide about an account by what its server lists.
func (a deciding) listing(ctx context.Context, name string, do func(*decisions.Desk, uidl.Ledger, fetcher.Account) error) error {
	cfg, accounts, err := a.chosen([]string{name})
	if err != nil {
		return err
	}
	return a.listingOf(ctx, cfg, accounts[0], do)
}

// listingOf is listing for an account of a configuration.
func (a deciding) listingOf(ctx context.Context, cfg *config.Config, c config.Account, do func(*decisions.Desk, uidl.Ledger, fetcher.Account) error) error {
	acc, err := a.wire(cfg, c, a.prompt(c))
	if err != nil {
		return exit.With(exit.Config, err)
	}
	ledger, err := openLedger(ctx, cfg)
	if err != nil {
		return err
	}
	defer ledger.Close()
	_, _, derr := a.findDaemon(ctx, cfg)
	// Under a name that the ledger is about to give away, what is marked would be another account's.
	blocked, _, err := follow(ctx, cfg, ledger, zap.NewNop(), !errors.Is(derr, control.ErrNoDaemon))
	if err != nil {
		return err
	}
	if err := blocked[c.Name]; err != nil {
		return exit.Judged(err)
	}
	return do(a.desk(cfg), ledger, acc)
}
