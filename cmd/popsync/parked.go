package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/parked"
	"github.com/popsync/popsync/internal/status"
)

func (a looking) parkedCommand() *cobra.Command {
	var asJSON, headers bool
	c := &cobra.Command{
		Use:   "parked [ACCOUNT...]",
		Short: "List what failed and waits: where, why, and when the next try is",
		Long: `List the messages that could not be fetched or delivered and are tried again
later: soon (put off), or seldom, because they failed too often or were refused
for good (parked); and those that were given up. From, date and subject come
from the copy that waits here, if there is one. It changes nothing and asks no
server.

With --headers it logs in and gets them for the others with TOP, unless the
account is paused or its server wants time.`,
		Example:           "  popsync parked\n  popsync parked --headers work",
		ValidArgsFunction: a.completeAccounts,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.parked(cmd.Context(), args, asJSON, headers)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per message")
	c.Flags().BoolVar(&headers, "headers", false, "log in and get from, date and subject from the server where there is no copy")
	return c
}

func (a looking) parked(ctx context.Context, names []string, asJSON, headers bool) error {
	cfg, accounts, err := a.chosen(names)
	if err != nil {
		return err
	}
	var all []parked.Account
	class := verdict.OK
	if hasLedger(cfg) { // looking makes none
		ledger, err := openKnown(ctx, cfg)
		if err != nil {
			return err
		}
		defer ledger.Close()
		sums, err := ledger.Summaries(ctx)
		if err != nil {
			return exit.With(exit.Of(verdict.OfLedger(err)), err)
		}
		known := status.ByName(sums)
		var sources []parked.Source
		for _, acc := range accounts {
			sources = append(sources, parked.Source{Name: acc.Name, Summary: known[acc.Name], Fetcher: func() (fetcher.Account, error) { return a.wire(cfg, acc, a.prompt(acc)) }})
		}
		all, class = parked.All(ctx, ledger, sources, copyOpener(cfg), headers, a.Err)
	}
	if err := parked.Show(a.Out, a.Err, all, parked.Shown{JSON: asJSON, Headers: headers, Width: a.Width()}, time.Now()); err != nil {
		return err
	}
	if class != verdict.OK {
		return exit.With(exit.Of(class), exit.ErrReported)
	}
	return nil
}
