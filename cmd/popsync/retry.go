package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/popsync/popsync/fetcher/operator"
	"github.com/popsync/popsync/internal/control"
	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/internal/words"
)

func (a *app) retryCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "retry ACCOUNT [UID...]",
		Short: "Make parked messages due now: all of an account, or those named",
		Long: `Make what is parked or put off due now: all messages of an account, or those
named by their unique-ids, as 'popsync parked' prints them. It tries nothing
itself. A running daemon begins with the account at once, and then tries all
that waits there; without one the next run tries them, also one from a timer.`,
		Example:           "  popsync retry work\n  popsync retry work 0000a3f2-17",
		Args:              wantsUIDs(0, "an account, and unique-ids if not all are meant", "retry work 0000a3f2-17"),
		ValidArgsFunction: a.completeAccount,
		RunE:              func(cmd *cobra.Command, args []string) error { return a.retry(cmd.Context(), args[0], args[1:]) },
	}
	c.SetFlagErrorFunc(dashes)
	return c
}

func (a *app) retry(ctx context.Context, name string, uids []string) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	if _, err := pick(cfg, []string{name}); err != nil {
		return err
	}
	n, pickOf := 0, picking(name, thatFailed, uids)
	if hasLedger(cfg) {
		ledger, err := openKnown(ctx, cfg)
		if err != nil {
			return err
		}
		picked, err := operator.Retry(ctx, ledger, name, orGivenUp(ctx, ledger, name, uids, pickOf))
		ledger.Close() // the daemon may want it
		if err != nil {
			return judgedIn(name, err)
		}
		n = len(picked)
	} else if _, err := pickOf(nil); err != nil {
		return err
	}
	if n == 0 {
		fmt.Fprintf(a.out, "%s: nothing is parked or put off\n", name)
		return nil
	}
	due := fmt.Sprintf("%s: %s %s due now", name, words.Number(n, "message"), words.Plural(n, "is", "are"))
	c, _, err := a.findDaemon(ctx, cfg)
	if errors.Is(err, control.ErrNoDaemon) {
		fmt.Fprintf(a.out, "%s; to try them say: popsync run %s\n", due, name)
		return nil
	}
	unknown := []string{}
	if err == nil {
		unknown, err = c.Wake(ctx, []string{name})
	}
	switch {
	case err != nil:
		return &exitError{exitTemp, nextstep.With(fmt.Errorf("%s, but the daemon could not be told: %w", due, err), "popsync wake "+name)}
	case len(unknown) > 0:
		fmt.Fprintf(a.out, "%s; the daemon does not know the account yet: its first run tries them\n", due)
	default:
		fmt.Fprintf(a.out, "%s; the daemon begins now\n", due)
	}
	return nil
}
