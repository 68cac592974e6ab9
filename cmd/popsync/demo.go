package main

import (
	"context"
	"os"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/internal/demo"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/usage"
)

func (a fetching) demoCommand() *cobra.Command {
	var keep bool
	c := &cobra.Command{
		Use:   "demo",
		Short: "Fetch a sample mailbox from a built-in server",
		Long: `Start a POP3 server on loopback with a small mailbox of awkward mail, fetch it into a temporary Maildir, show what
arrived, fetch again (nothing is new), and clean up. Nothing of yours is touched.`,
		Args: usage.None("demo"),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.demo(cmd.Context(), keep) },
	}
	c.Flags().BoolVar(&keep, "keep", false, "leave the Maildir and the ledger for a look")
	return c
}

func (a fetching) demo(ctx context.Context, keep bool) error {
	return demo.Show(a.Console, keep, func(text string) (demo.Pass, error) {
		cfg, err := config.Parse("demo", []byte(text), config.Env(os.Getenv), config.Options{CheckSchedule: checkSchedule})
		if err != nil {
			return nil, exit.With(exit.Internal, err)
		}
		return func() (fetcher.Report, error) { return a.demoPass(ctx, cfg) }, nil
	})
}

func (a fetching) demoPass(ctx context.Context, cfg *config.Config) (fetcher.Report, error) {
	ledger, err := openLedger(ctx, cfg)
	if err != nil {
		return fetcher.Report{}, err
	}
	defer ledger.Close()
	reports := a.passes(ctx, cfg, cfg.Accounts, ledger, zap.NewNop(), func(c config.Account) (fetcher.Account, fetcher.Options, error) {
		acc, err := a.wire(cfg, c, a.prompt(c))
		return acc, options(cfg.Limits), err
	})
	return reports[0], nil
}
