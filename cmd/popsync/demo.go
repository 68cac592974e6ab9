package main

import (
	"context"
	"os"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/internal/demo"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/guard"
	"github.com/popsync/popsync/internal/oauth"
	"github.com/popsync/popsync/internal/usage"
)

func (a fetching) demoCommand() *cobra.Command {
	var keep, gmail bool
	c := &cobra.Command{
		Use:   "demo",
		Short: "Fetch a sample mailbox from a built-in server",
		Long: `Start a POP3 server on loopback with a small mailbox of awkward mail, fetch it into a temporary Maildir, show what
arrived, fetch again (nothing is new), and clean up. Nothing of yours is touched.

With --gmail the mail goes into a server that does as Gmail does, on loopback too: it refuses what Gmail refuses, and
merges what Gmail merges.`,
		Args: usage.None("demo"),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.demo(cmd.Context(), keep, gmail) },
	}
	c.Flags().BoolVar(&gmail, "gmail", false, "deliver into a built-in server that does as Gmail does")
	c.Flags().BoolVar(&keep, "keep", false, "leave the Maildir and the ledger for a look")
	return c
}

func (a fetching) demo(ctx context.Context, keep, gmail bool) error {
	return demo.Show(a.Console, keep, gmail, func(text string) (demo.Pass, error) {
		cfg, err := config.Parse("demo", []byte(text), config.Env(os.Getenv), config.Options{CheckSchedule: checkSchedule})
		if err != nil {
			return nil, exit.With(exit.Internal, err)
		}
		if gmail {
			if err := a.demoLogin(ctx, cfg); err != nil {
				return nil, err
			}
		}
		return func() (fetcher.Report, error) { return a.demoPass(ctx, cfg) }, nil
	})
}

// demoLogin stores the token that the demonstration's Gmail takes, as a login would.
func (a fetching) demoLogin(ctx context.Context, cfg *config.Config) error {
	if err := guard.MakeState(cfg.StateDir); err != nil {
		return exit.With(exit.Temp, err)
	}
	source, _, err := a.tokenOf(cfg, gmailHolder(cfg.Accounts[0].Name, cfg.Accounts[0].Deliver[0]), "")
	if err != nil {
		return exit.With(exit.Internal, err)
	}
	now := time.Now()
	token := oauth.Token{Access: oauth.NewSecret(demo.Token), Got: now, Expires: now.Add(24 * time.Hour), Email: demo.GmailUser}
	if err := source.Put(ctx, token); err != nil {
		return exit.With(exit.Temp, err)
	}
	return nil
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
