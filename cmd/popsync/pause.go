package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/internal/control"
	"github.com/popsync/popsync/uidl"
)

func (a *app) pauseCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "pause ACCOUNT...",
		Short: "Leave accounts alone until 'popsync resume'",
		Long: `Make no more passes over the named accounts, neither by a daemon nor by a timer, until 'popsync resume' names them. A pass
of the daemon that is running ends in order. A pass of 'popsync run' must end first: that is waited for
some seconds, and if it takes longer nothing is changed. A pause is remembered over restarts; nothing else is forgotten, and no mail is lost by it.`,
		Args:              a.atLeast(1, "an account", "pause work"),
		ValidArgsFunction: a.completeAccounts,
		RunE:              func(cmd *cobra.Command, args []string) error { return a.pause(cmd.Context(), args, true) },
	}
}

func (a *app) resumeCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "resume ACCOUNT...",
		Short:             "Go on with accounts that were paused",
		Args:              a.atLeast(1, "an account", "resume work"),
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
	done := "resumed"
	if paused {
		done = "paused, until you say: popsync resume"
	}
	inLedger := func(ctx context.Context, l uidl.Ledger, name string) error {
		return health.Pause(ctx, l, name, paused)
	}
	c, st, err := a.findDaemon(ctx, cfg)
	alone := errors.Is(err, control.ErrNoDaemon)
	if err != nil && !alone {
		return &exitError{exitTemp, err}
	}
	were, err := pausedNow(ctx, cfg, st)
	if err != nil {
		return err
	}
	names = slices.DeleteFunc(accountNames(accounts), func(name string) bool {
		since, was := were[name]
		switch {
		case was != paused:
			return false
		case paused && !since.IsZero():
			fmt.Fprintf(a.out, "%s: was paused already, since %s\n", name, since.Format("2006-01-02 15:04"))
		case paused:
			fmt.Fprintf(a.out, "%s: was paused already\n", name)
		default:
			fmt.Fprintf(a.out, "%s: was not paused\n", name)
		}
		return true
	})
	if alone {
		return a.onLedger(ctx, cfg, names, paused, inLedger, done)
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

// pausedNow are the accounts that are paused, and since when as far as the ledger has that: of those that a running daemon has,
// what it says counts.
func pausedNow(ctx context.Context, cfg *config.Config, daemon control.Status) (map[string]time.Time, error) {
	sums, _, err := summaries(ctx, cfg)
	if err != nil {
		return nil, err
	}
	since := map[string]time.Time{}
	for _, s := range sums {
		if at := health.Standing(s).Paused; !at.IsZero() {
			since[s.Name] = at
		}
	}
	for _, acc := range daemon.Accounts {
		if !acc.Paused {
			delete(since, acc.Account)
		} else if _, ok := since[acc.Account]; !ok {
			since[acc.Account] = time.Time{}
		}
	}
	return since, nil
}
