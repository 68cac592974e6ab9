package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/operator"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/control"
	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

func (a *app) baselineCommand() *cobra.Command {
	var undo bool
	c := &cobra.Command{
		Use:   "baseline ACCOUNT",
		Short: "Mark everything now on the server as seen, without fetching it",
		Long: `Log in, list the mailbox, and remember every message that is there as seen, so that runs fetch only what comes later.
Nothing is fetched, delivered or deleted. What is marked so is never deleted on the server either, whatever 'delete'
says: popsync did not deliver it.

With --undo the last baseline is taken back, as long as no run has fetched anything since: what it marked is new again, or
held back again where it was before. No server is asked then.`,
		Example:           "  popsync baseline work\n  popsync baseline --undo work",
		Args:              a.named("an account", "baseline work"),
		ValidArgsFunction: a.completeAccounts,
		RunE: func(cmd *cobra.Command, args []string) error {
			if undo {
				return a.undoBaseline(cmd.Context(), args[0])
			}
			return a.baseline(cmd.Context(), args[0])
		},
	}
	c.Flags().BoolVar(&undo, "undo", false, "take the last baseline back, as long as nothing was fetched since")
	return c
}

func (a *app) baseline(ctx context.Context, name string) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	accounts, err := pick(cfg, []string{name})
	if err != nil {
		return err
	}
	acc, err := a.wire(cfg, accounts[0], a.prompt(accounts[0]))
	if err != nil {
		return &exitError{exitConfig, err}
	}
	ledger, err := openLedger(ctx, cfg)
	if err != nil {
		return err
	}
	defer ledger.Close()
	_, _, derr := a.findDaemon(ctx, cfg)
	// Under a name that the ledger is about to give away, what is marked would be another account's.
	held, _, err := follow(ctx, cfg, ledger, zap.NewNop(), !errors.Is(derr, control.ErrNoDaemon))
	if err != nil {
		return err
	}
	if err := held[name]; err != nil {
		return judged(err)
	}
	m, err := fetcher.Baseline(ctx, ledger, acc, options(cfg.Limits))
	if err != nil {
		return notMarked(err)
	}
	fmt.Fprintf(a.out, "%s: %s listed; %d marked as seen, %d known before\n", name, words.Number(m.Listed, "message"), m.Marked, m.Known)
	if m.Pending > 0 {
		fmt.Fprintf(a.out, "%s: %s on the way to a destination: the next run goes on\n", name, words.Number(m.Pending, "message"))
	}
	if m.Nameless > 0 {
		fmt.Fprintf(a.out, "%s: %s without a unique-id and a header to be known by: not marked\n", name, words.Number(m.Nameless, "message"))
	}
	return nil
}

// notMarked words why nothing was marked. No pass tries it again: a person must.
func notMarked(err error) error {
	v := verdict.Of(err)
	if v.Class != verdict.Temporary || errors.Is(err, uidl.ErrDoubt) { // in doubt it may be marked
		return judged(err)
	}
	if errors.Is(err, context.Canceled) {
		return fail(exitTemp, "stopped; nothing was marked")
	}
	again := "nothing was marked; say it again when the server answers"
	if errors.Is(err, uidl.ErrLocked) || errors.Is(err, uidl.ErrLeaseLost) || errors.Is(err, uidl.ErrFull) {
		again = "nothing was marked; say it again then"
	}
	hint := strings.Replace(v.Hint, "nothing was lost, and the next pass tries again", again, 1)
	return &exitError{exitTemp, nextstep.With(fmt.Errorf("%s", v.Message), strings.Replace(hint, "the next pass tries again", again, 1))}
}

// undoBaseline takes the last baseline back.
func (a *app) undoBaseline(ctx context.Context, name string) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	if _, err := pick(cfg, []string{name}); err != nil {
		return err
	}
	if !hasLedger(cfg) {
		return fail(exitUsage, "%s: there is no baseline to take back", name)
	}
	ledger, err := openKnown(ctx, cfg)
	if err != nil {
		return err
	}
	defer ledger.Close()
	u, err := operator.UndoBaseline(ctx, ledger, name, time.Now())
	if no, ok := errors.AsType[*operator.NoUndoError](err); ok {
		return &exitError{exitUsage, fmt.Errorf("%s: %w", name, no)}
	} else if err != nil {
		return unlessBusy(name, err)
	}
	a.tell("%s: the baseline is taken back: %s not marked as seen any more", name, words.Plural(u.New+u.Held, "1 message is", fmt.Sprintf("%d messages are", u.New+u.Held)))
	if u.Held > 0 {
		a.tell("%[1]s: %[2]s held back, since nobody knows whether %[3]s delivered before: popsync accept %[1]s lets %[4]s through",
			name, words.Number(u.Held, "message"), words.Plural(u.Held, "it was", "they were"), words.Plural(u.Held, "it", "them"))
	}
	switch {
	case u.Doubt:
		a.tell("%s: the ledger is in doubt again, as before: the next run looks for them in the Maildirs, and holds the rest back", name)
	case u.Flood != nil:
		a.tell("%[1]s: %[2]s held back again, as before, until you say popsync accept %[1]s or popsync baseline %[1]s", name, words.Number(u.Flood.New, "new message"))
	case u.New > 0:
		a.tell("%s: the next run fetches what is new and still listed; to begin now say: %s", name, a.begin(ctx, cfg, name))
	}
	return nil
}
