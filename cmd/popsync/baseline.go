package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/internal/control"
)

func (a *app) baselineCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "baseline ACCOUNT",
		Short: "Mark everything now on the server as seen, without fetching it",
		Long: `Log in, list the mailbox, and remember every message that is there as seen, so that runs fetch only what comes later.
Nothing is fetched, delivered or deleted. What is marked so is never deleted on the server either, whatever 'delete'
says: popsync did not deliver it.`,
		Example:           "  popsync baseline work",
		Args:              a.named("an account", "baseline work"),
		ValidArgsFunction: a.completeAccounts,
		RunE:              func(cmd *cobra.Command, args []string) error { return a.baseline(cmd.Context(), args[0]) },
	}
}

func (a *app) baseline(ctx context.Context, name string) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	accounts, err := pick(cfg, []string{name})
	if err != nil {
		return err
	}
	acc, err := a.wire(cfg, accounts[0], a.prompt(accounts[0]))
	if err != nil {
		return &exitError{exitConfig, err}
	}
	ledger, err := openLedger(ctx, cfg)
	if err != nil {
		return err
	}
	defer ledger.Close()
	_, _, derr := a.findDaemon(ctx, cfg)
	// Under a name that the ledger is about to give away, what is marked would be another account's.
	held, _, err := follow(ctx, cfg, ledger, zap.NewNop(), !errors.Is(derr, control.ErrNoDaemon))
	if err != nil {
		return err
	}
	if err := held[name]; err != nil {
		return judged(err)
	}
	m, err := fetcher.Baseline(ctx, ledger, acc, options(cfg.Limits))
	if err != nil {
		return judged(err)
	}
	fmt.Fprintf(a.out, "%s: %s listed; %d marked as seen, %d known before\n", name, count(m.Listed, "message"), m.Marked, m.Known)
	if m.Pending > 0 {
		fmt.Fprintf(a.out, "%s: %s on the way to a destination: the next run goes on\n", name, count(m.Pending, "message"))
	}
	if m.Nameless > 0 {
		fmt.Fprintf(a.out, "%s: %s without a unique-id and a header to be known by: not marked\n", name, count(m.Nameless, "message"))
	}
	return nil
}
