package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/internal/control"
	"github.com/popsync/popsync/uidl"
)

func (a *app) pauseCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "pause ACCOUNT...",
		Short: "Leave accounts alone until 'popsync resume'",
		Long: `Make no more passes over the named accounts, neither by a daemon nor by a timer, until 'popsync resume' names them. A pass
that is running ends in order. It is remembered over restarts; nothing else is forgotten, and no mail is lost by it.`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeAccounts,
		RunE:              func(cmd *cobra.Command, args []string) error { return a.pause(cmd.Context(), args, true) },
	}
}

func (a *app) resumeCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "resume ACCOUNT...",
		Short:             "Go on with accounts that were paused",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeAccounts,
		RunE:              func(cmd *cobra.Command, args []string) error { return a.pause(cmd.Context(), args, false) },
	}
}

// pause stops passes over accounts, or resumes them.
func (a *app) pause(ctx context.Context, names []string, paused bool) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	accounts, err := pick(cfg, names)
	if err != nil {
		return err
	}
	names = accountNames(accounts)
	done := "resumed"
	if paused {
		done = "paused, until you say: popsync resume"
	}
	inLedger := func(ctx context.Context, l uidl.Ledger, name string) error {
		return fetcher.Pause(ctx, l, name, paused)
	}
	c, _, err := a.findDaemon(ctx, cfg)
	if errors.Is(err, control.ErrNoDaemon) {
		return a.onLedger(ctx, cfg, names, paused, inLedger, done)
	} else if err != nil {
		return &exitError{exitTemp, err}
	}
	var unknown []string
	for _, name := range names {
		err := c.Pause(ctx, name, paused)
		var u *control.UnknownError
		switch {
		case errors.As(err, &u):
			unknown = append(unknown, name)
		case err != nil:
			return &exitError{exitTemp, fmt.Errorf("%s: %w", name, err)}
		default:
			fmt.Fprintf(a.out, "%s: %s\n", name, done)
		}
	}
	return a.onLedger(ctx, cfg, unknown, paused, inLedger, done) // in the configuration, but not in the daemon's yet
}
