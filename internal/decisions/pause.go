package decisions

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/internal/control"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/uidl"
)

// Pause stops passes over accounts, or resumes them.
func (desk *Desk) Pause(ctx context.Context, names []string, paused bool) error {
	done := "resumed"
	if paused {
		done = "paused, until you say: popsync resume"
	}
	inLedger := func(ctx context.Context, l uidl.Ledger, name string) error {
		return health.Pause(ctx, l, name, paused)
	}
	c, st, err := desk.Daemon(ctx)
	alone := errors.Is(err, control.ErrNoDaemon)
	if err != nil && !alone {
		return exit.With(exit.Temp, err)
	}
	were, err := desk.pausedNow(ctx, st)
	if err != nil {
		return err
	}
	names = slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		since, was := were[name]
		switch {
		case was != paused:
			return false
		case paused && !since.IsZero():
			fmt.Fprintf(desk.Out, "%s: was paused already, since %s\n", name, since.Format("2006-01-02 15:04"))
		case paused:
			fmt.Fprintf(desk.Out, "%s: was paused already\n", name)
		default:
			fmt.Fprintf(desk.Out, "%s: was not paused\n", name)
		}
		return true
	})
	if alone {
		return desk.onLedger(ctx, names, paused, inLedger, done)
	}
	var unknown []string
	for _, name := range names {
		err := c.Pause(ctx, name, paused)
		var u *control.UnknownError
		switch {
		case errors.As(err, &u):
			unknown = append(unknown, name)
		case err != nil:
			return exit.With(exit.Temp, fmt.Errorf("%s: %w", name, err))
		default:
			fmt.Fprintf(desk.Out, "%s: %s\n", name, done)
		}
	}
	return desk.onLedger(ctx, unknown, paused, inLedger, done) // in the configuration, but not in the daemon's yet
}

// pausedNow are the accounts that are paused, and since when as far as the ledger has that: of those that a running daemon has,
// what it says counts.
func (desk *Desk) pausedNow(ctx context.Context, daemon control.Status) (map[string]time.Time, error) {
	sums, err := desk.Summaries(ctx)
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
