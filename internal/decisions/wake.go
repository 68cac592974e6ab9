package decisions

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/internal/control"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/uidl"
)

// Wake makes accounts due at once. named: a person named them, so that those that are paused are among them.
func (desk *Desk) Wake(ctx context.Context, all []string, named bool) error {
	c, st, err := desk.Daemon(ctx)
	alone := errors.Is(err, control.ErrNoDaemon)
	if err != nil && !alone {
		return exit.With(exit.Temp, err)
	}
	if !named {
		were, err := desk.pausedNow(ctx, st)
		if err != nil {
			return err
		}
		all = slices.DeleteFunc(slices.Clone(all), func(name string) bool {
			since, paused := were[name]
			if paused {
				desk.Tell("%s: %s", name, health.PausedNote(name, since))
			}
			return paused
		})
	}
	if len(all) == 0 {
		return nil // none named would mean all
	}
	wake := func(ctx context.Context, l uidl.Ledger, name string) error { return health.Wake(ctx, l, name, named) }
	if alone {
		return desk.onLedger(ctx, all, false, wake, "the next run does not wait")
	}
	unknown, err := c.Wake(ctx, all)
	if err != nil {
		return exit.With(exit.Temp, fmt.Errorf("wake: %w", err))
	}
	for _, name := range all {
		if !slices.Contains(unknown, name) {
			fmt.Fprintf(desk.Out, "%s: the daemon begins now\n", name)
		}
	}
	return desk.onLedger(ctx, unknown, false, wake, "the daemon does not know it yet; its first run does not wait")
}

// onLedger does something to each account in the ledger, for which there must be no other popsync at work on it: the end of a
// short pass is waited for. Without a ledger there is nothing to do, unless it is to be made.
func (desk *Desk) onLedger(ctx context.Context, names []string, create bool,
	do func(context.Context, uidl.Ledger, string) error, done string) error {
	if len(names) == 0 {
		return nil
	}
	if !create && !desk.HasLedger {
		for _, name := range names {
			fmt.Fprintf(desk.Out, "%s: %s\n", name, done)
		}
		return nil
	}
	ledger, err := desk.Ledger(ctx)
	if err != nil {
		return err
	}
	defer ledger.Close()
	var worst error // the others go on
	for _, name := range names {
		if err := afterPass(ctx, func() error { return do(ctx, ledger, name) }); err != nil {
			err = judgedIn(name, err)
			text, hint := exit.Apart(err)
			if !strings.HasPrefix(text, name+": ") {
				text = name + ": " + text
			}
			desk.Complain(text, hint)
			if worst == nil || exit.CodeOf(err) == exit.Internal {
				worst = exit.With(exit.CodeOf(err), exit.ErrReported)
			}
			continue
		}
		fmt.Fprintf(desk.Out, "%s: %s\n", name, done)
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
