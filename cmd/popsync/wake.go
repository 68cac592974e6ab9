package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/internal/control"
	"github.com/popsync/popsync/uidl"
)

func (a *app) wakeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "wake [ACCOUNT...]",
		Short: "Try all accounts, or those named, at once, whatever they wait for",
		Long: `Make every account, or those named, due at once: after a failure popsync waits longer and longer before it tries again,
and after a refused login once a day at most, or not at all. A running daemon begins now; without one the next run does not wait, but a pass of 'popsync run' must end first.
Paused accounts are left alone, unless they are named: then one pass is made, and they stay paused.`,
		ValidArgsFunction: a.completeAccounts,
		RunE:              func(cmd *cobra.Command, args []string) error { return a.wake(cmd.Context(), args) },
	}
}

func (a *app) wake(ctx context.Context, names []string) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	accounts, err := pick(cfg, names)
	if err != nil {
		return err
	}
	c, st, err := a.findDaemon(ctx, cfg)
	alone := errors.Is(err, control.ErrNoDaemon)
	if err != nil && !alone {
		return &exitError{exitTemp, err}
	}
	all := accountNames(accounts)
	named := len(names) > 0
	if !named {
		were, err := pausedNow(ctx, cfg, st)
		if err != nil {
			return err
		}
		all = slices.DeleteFunc(all, func(name string) bool {
			since, paused := were[name]
			if paused {
				a.tell("%s: %s", name, health.PausedNote(name, since))
			}
			return paused
		})
	}
	if len(all) == 0 {
		return nil // none named would mean all
	}
	wake := func(ctx context.Context, l uidl.Ledger, name string) error { return health.Wake(ctx, l, name, named) }
	if alone {
		return a.onLedger(ctx, cfg, all, false, wake, "the next run does not wait")
	}
	unknown, err := c.Wake(ctx, all)
	if err != nil {
		return &exitError{exitTemp, fmt.Errorf("wake: %w", err)}
	}
	for _, name := range all {
		if !slices.Contains(unknown, name) {
			fmt.Fprintf(a.out, "%s: the daemon begins now\n", name)
		}
	}
	return a.onLedger(ctx, cfg, unknown, false, wake, "the daemon does not know it yet; its first run does not wait")
}

// onLedger does something to each account in the ledger, for which there must be no other popsync at work on it: the end of a
// short pass is waited for. Without a ledger there is nothing to do, unless it is to be made.
func (a *app) onLedger(ctx context.Context, cfg *config.Config, names []string, create bool,
	do func(context.Context, uidl.Ledger, string) error, done string) error {
	if len(names) == 0 {
		return nil
	}
	if !create && !hasLedger(cfg) {
		for _, name := range names {
			fmt.Fprintf(a.out, "%s: %s\n", name, done)
		}
		return nil
	}
	ledger, err := openKnown(ctx, cfg)
	if err != nil {
		return err
	}
	defer ledger.Close()
	var worst error // the others go on
	for _, name := range names {
		if err := afterPass(ctx, func() error { return do(ctx, ledger, name) }); err != nil {
			err = judgedIn(name, err)
			text, hint := apart(err)
			if !strings.HasPrefix(text, name+": ") {
				text = name + ": " + text
			}
			a.complain(text, hint)
			if worst == nil || codeOf(err) == exitInternal {
				worst = &exitError{codeOf(err), errReported}
			}
			continue
		}
		fmt.Fprintf(a.out, "%s: %s\n", name, done)
	}
	return worst
}

// passPatience is how long a command waits for the end of a pass, which may take hours.
const passPatience = 3 * time.Second

// afterPass does what can only be done while no pass runs.
func afterPass(ctx context.Context, do func() error) error {
	for until := time.Now().Add(passPatience); ; {
		err := do()
		if !errors.Is(err, uidl.ErrBusy) || time.Now().After(until) {
			return err
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func accountNames(accounts []config.Account) (names []string) {
	for _, acc := range accounts {
		names = append(names, acc.Name)
	}
	return names
}
