package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/popsync/popsync/fetcher"
)

func (a *app) acceptCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "accept ACCOUNT",
		Short: "Let a flood of new mail through that was held back",
		Long: `When far more new messages arrive at once than the account ever gets, popsync fetches and deletes nothing until you
have looked ('popsync run --dry-run ACCOUNT' lists them): a server that lost its memory looks like that. If they are
right, this command lets them through in the next run. If you have seen them all before, 'popsync baseline' is the
other answer. No server is asked.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeAccounts,
		RunE:              func(cmd *cobra.Command, args []string) error { return a.accept(cmd.Context(), args[0]) },
	}
}

func (a *app) accept(ctx context.Context, name string) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	if _, err := pick(cfg, []string{name}); err != nil {
		return err
	}
	var held *fetcher.Flood
	if hasLedger(cfg) { // nothing is held back without one
		ledger, err := openLedger(ctx, cfg)
		if err != nil {
			return err
		}
		defer ledger.Close()
		if held, err = fetcher.Accept(ctx, ledger, name, time.Now()); err != nil {
			return judged(err)
		}
	}
	if held == nil {
		fmt.Fprintf(a.out, "%s: nothing is held back\n", name)
		return nil
	}
	fmt.Fprintf(a.out, "%s: %s held back since %s; the next run lets them through\n", name, count(held.New, "new message"),
		time.Unix(held.Since, 0).Format(time.DateTime))
	return nil
}

// judged gives an error of a pass its exit code and its next step.
func judged(err error) error {
	v := fetcher.Judge(err)
	return &exitError{exitOf(v.Class), &hintError{fmt.Errorf("%s", v.Message), v.Hint}}
}
