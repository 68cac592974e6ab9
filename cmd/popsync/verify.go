package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/places"
	"github.com/popsync/popsync/internal/verify"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

func (a looking) verifyCommand() *cobra.Command {
	var repair bool
	c := &cobra.Command{
		Use:   "verify [ACCOUNT...]",
		Short: "Look for damage in ledger and Maildirs, and repair what is safe",
		Long: `Read the whole ledger, compare it with the Maildirs, and print one line for each finding with the next step. No server
is asked, and without --repair nothing is changed.

With --repair: a damaged ledger is moved aside, never deleted, and a new one gets every row that can still be read. In
the next run of each account, listed messages that the ledger lacks are looked for by the tags in the Maildir's file
names; what is not found is held back until 'popsync accept', and nothing is deleted on the server. Files in tmp/ that no
delivery speaks of are removed once they are 36 hours old.`,
		ValidArgsFunction: a.completeAccounts,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.verify(cmd.Context(), args, repair)
		},
	}
	c.Flags().BoolVar(&repair, "repair", false, "repair what is safe to repair")
	return c
}

func (a looking) verify(ctx context.Context, names []string, repair bool) error {
	cfg, accounts, err := a.chosen(names)
	if err != nil {
		return err
	}
	o := verify.Options{
		Out: a.Out, Repair: repair, StateDir: cfg.StateDir, File: ledgerFile(cfg),
		Open: func(ctx context.Context) (uidl.Ledger, error) { return openLedger(ctx, cfg) },
		Named: func(ctx context.Context, l uidl.Ledger) (uidl.Ledger, map[string]error, error) {
			k, err := knownAs(ctx, cfg, l)
			if err != nil {
				return nil, nil, err
			}
			return k, k.Blocked, nil
		},
		Salvage: func(ctx context.Context) (verify.Salvaged, error) { return salvageLedger(ctx, cfg) },
		Class:   verdict.OfLedger,
	}
	if a.OutTerm {
		o.Width, _ = a.OutSize()
	}
	findings, worst := verify.Run(ctx, o, a.verified(cfg, accounts))
	if findings == 0 {
		return nil
	}
	fmt.Fprintf(a.Out, "\n%s\n", words.Number(findings, "finding"))
	return exit.With(exit.Of(worst), exit.ErrReported)
}

// verified are accounts as the room takes them.
func (a looking) verified(cfg *config.Config, accounts []config.Account) (all []verify.Account) {
	for _, c := range accounts {
		acc := verify.Account{Name: c.Name}
		for _, d := range c.Deliver {
			acc.Destinations = append(acc.Destinations, verify.Destination{
				Name: d.Name, Path: d.Path,
				Look: func(ctx context.Context) places.Place { return a.placeNow(ctx, cfg, c.Name, d) },
				Open: func() (verify.Target, error) { return a.unaskedOf(cfg, c.Name, d) },
			})
		}
		all = append(all, acc)
	}
	return all
}
