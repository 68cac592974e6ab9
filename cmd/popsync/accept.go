package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/operator"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/internal/words"
)

func (a *app) acceptCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "accept ACCOUNT",
		Short: "Let mail through that was held back",
		Long: `When far more new messages arrive at once than the account ever gets, popsync fetches and deletes nothing until you
have looked ('popsync run --dry-run ACCOUNT' lists them): a server that lost its memory looks like that. And when the
ledger was lost, or is an older copy, messages that are not found in the Maildir are held back: they may have been
delivered before. If they are right, this command lets them through in the next run. If you have seen them all before,
'popsync baseline' is the other answer. No server is asked.`,
		Example:           "  popsync accept work",
		Args:              a.named("an account", "accept work"),
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
	var flood *health.Flood
	held := 0
	if hasLedger(cfg) { // nothing is held back without one
		ledger, err := openKnown(ctx, cfg)
		if err != nil {
			return err
		}
		defer ledger.Close()
		if flood, held, err = operator.Accept(ctx, ledger, name, time.Now()); err != nil {
			return judged(err)
		}
	}
	if flood == nil && held == 0 {
		fmt.Fprintf(a.out, "%s: nothing is held back\n", name)
		return nil
	}
	if flood != nil {
		fmt.Fprintf(a.out, "%s: %s held back since %s; the next run lets %s through\n", name, words.Number(flood.New, "new message"),
			time.Unix(flood.Since, 0).Format(time.DateTime), words.Plural(flood.New, "it", "them"))
	}
	if held > 0 {
		fmt.Fprintf(a.out, "%s: %s let through; the next run fetches %s\n", name, words.Number(held, "message"),
			words.Plural(held, "it if it is still listed", "those that are still listed"))
	}
	return nil
}

// judged gives an error of a pass its exit code and its next step.
func judged(err error) error {
	var known *nextstep.Error
	if errors.As(err, &known) {
		return &exitError{exitConfig, err}
	}
	v := verdict.Of(err)
	return &exitError{exitOf(v.Class), nextstep.With(fmt.Errorf("%s", v.Message), v.Hint)}
}
