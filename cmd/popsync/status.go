package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/alarms"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/screen"
	"github.com/popsync/popsync/internal/status"
	"github.com/popsync/popsync/uidl"
)

func (a looking) statusCommand() *cobra.Command {
	var asJSON, trouble bool
	c := &cobra.Command{
		Use:   "status [ACCOUNT...]",
		Short: "Show how the accounts are and what needs a person",
		Long: `Show how the accounts are doing: what the running daemon says, if there is one, and what the ledger remembers. Below the
table stands what is wrong, since when, and what to do about it. No mail server is asked.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.status(cmd.Context(), args, asJSON, trouble)
		},
		ValidArgsFunction: a.completeAccounts,
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per account")
	c.Flags().BoolVar(&trouble, "trouble", false, "show only accounts that need attention")
	return c
}

func (a looking) status(ctx context.Context, names []string, asJSON, trouble bool) error {
	cfg, accounts, err := a.chosen(names)
	if err != nil {
		return err
	}
	_, daemon, derr := a.findDaemon(ctx, cfg)
	sums, blocked, err := summaries(ctx, cfg)
	if err != nil {
		return err
	}
	working, err := inUse(ctx, cfg, accounts)
	if err != nil {
		return err
	}
	risks := map[string][]string{}
	for _, acc := range accounts {
		risks[acc.Name] = acc.Risks()
	}
	all := status.All(accountNames(accounts), status.Sources{
		Summaries: status.ByName(sums), Blocked: blocked, Troubles: alarms.Troubles(alarmDir(cfg)), Working: working, Daemon: daemon, Running: derr == nil, Risks: risks,
	}, trouble, time.Now())
	if !asJSON {
		width := 0 // what is no terminal gets whole lines
		if a.OutTerm {
			width, _ = a.OutSize()
		}
		return status.Show(a.Out, status.DaemonText(daemon, derr), all, time.Now(), trouble, width)
	}
	for _, st := range all {
		if err := screen.WriteJSON(a.Out, st); err != nil {
			return err
		}
	}
	return nil
}

// inUse are the accounts that somebody works on.
func inUse(ctx context.Context, cfg *config.Config, accounts []config.Account) (map[string]bool, error) {
	working := map[string]bool{}
	if !hasLedger(cfg) {
		return working, nil
	}
	ledger, err := openKnown(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer ledger.Close()
	for _, acc := range accounts {
		used, err := ledger.InUse(ctx, acc.Name)
		working[acc.Name] = err == nil && used // what cannot be found out is taken for no
	}
	return working, nil
}

// summaries reads the ledger, if there is one: looking makes none.
// blocked are accounts that cannot be run.
func summaries(ctx context.Context, cfg *config.Config) (sums []uidl.Summary, blocked map[string]error, err error) {
	if !hasLedger(cfg) {
		return nil, nil, nil
	}
	ledger, err := openKnown(ctx, cfg)
	if err != nil {
		return nil, nil, err
	}
	defer ledger.Close()
	sums, err = ledger.Summaries(ctx)
	if err != nil {
		return nil, nil, exit.With(exit.Of(verdict.OfLedger(err)), err)
	}
	return sums, ledger.Blocked, nil
}
