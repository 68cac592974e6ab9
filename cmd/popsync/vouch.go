package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/popsync/popsync/fetcher/operator"
	"github.com/popsync/popsync/internal/words"
)

func (a *app) vouchCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "vouch ACCOUNT",
		Short: "Say that mail which nobody saw safe is safe",
		Long: `popsync keeps a message on the server, whatever 'delete' says, when nobody saw it become durable at its destination (after
a crash no file of it was left, or only its name in the Maildir tells), and when it was delivered before an upgrade to a
destination that is not configured any more. 'popsync status' counts them.

This says that they are safe: you have looked. No server is asked now and nothing is deleted by this, but afterwards
'delete' counts for these messages as for all others.`,
		Example:           "  popsync vouch work",
		Args:              a.named("an account", "vouch work"),
		ValidArgsFunction: a.completeAccounts,
		RunE:              func(cmd *cobra.Command, args []string) error { return a.vouch(cmd.Context(), args[0]) },
	}
}

func (a *app) vouch(ctx context.Context, name string) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	accounts, err := pick(cfg, []string{name})
	if err != nil {
		return err
	}
	nothing := func(why string) error {
		fmt.Fprintf(a.out, "%s: nothing to vouch for: %s\n", name, why)
		return nil
	}
	if !hasLedger(cfg) {
		return nothing("the ledger knows nothing of it yet")
	}
	ledger, err := openKnown(ctx, cfg)
	if err != nil {
		return err
	}
	defer ledger.Close()
	t, err := decisionsOf(ctx, ledger, name)
	switch {
	case err != nil:
		return err
	case !t.known:
		return nothing("the ledger knows nothing of it yet")
	case t.unsure == 0 && t.upgraded == 0:
		return nothing("no message that the server listed last is kept for that reason")
	}
	if err := operator.Vouch(ctx, ledger, name); err != nil {
		return judged(err)
	}
	if t.unsure > 0 {
		fmt.Fprintf(a.out, "%s: %s that nobody saw safe: taken as safe from now on\n", name, words.Number(t.unsure, "message"))
	}
	if t.upgraded > 0 {
		fmt.Fprintf(a.out, "%s: %s delivered before the upgrade: taken as safe at the destinations that are configured now\n", name, words.Number(t.upgraded, "message"))
	}
	fmt.Fprintf(a.out, "%s: nothing is deleted by this%s\n", name, later(accounts[0].Delete))
	return nil
}
