package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/screen"
	"github.com/popsync/popsync/internal/status"
)

// exitUnhealthy is what a container's health check wants; only healthcheck ends with it.
const exitUnhealthy = 1

func (a looking) healthcheckCommand() *cobra.Command {
	limit := status.Staleness{Intervals: 3}
	var asJSON bool
	c := &cobra.Command{
		Use:   "healthcheck [ACCOUNT...]",
		Short: "Tell monitors by the exit code whether all mail is fetched",
		Long: `Read the ledger, ask no server, and print one line. An account is healthy when its last pass without failure is not
longer ago than three intervals of its schedule (at least 15 minutes), and no person is needed to log in or to mend the
configuration. One that never had such a pass is not healthy, and neither is one with as many parked messages as the key
alarm.parked says. Accounts that are paused do not count. A pass of which nothing
failed but that messages came shorter than listed, and wait, is as good as one without failure.

Exit codes: 0 healthy, 1 unhealthy or the ledger cannot be read, 64 usage, 78 configuration.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.healthcheck(cmd.Context(), args, limit, asJSON, time.Now())
		},
		ValidArgsFunction: a.completeAccounts,
	}
	c.Flags().Var(&limit, "stale", "how old the last success may be: a number of intervals of the account's schedule, or a time such as 2h")
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return c
}

func (a looking) healthcheck(ctx context.Context, names []string, limit status.Staleness, asJSON bool, now time.Time) error {
	cfg, accounts, err := a.chosen(names)
	if err != nil {
		return err
	}
	sums, blocked, err := summaries(ctx, cfg)
	if code := exit.CodeOf(err); err != nil && code != exit.Config {
		return exit.With(exitUnhealthy, err)
	} else if err != nil {
		return err
	}
	watched := make([]status.Watched, len(accounts))
	known := status.ByName(sums)
	for i, acc := range accounts {
		sched, err := scheduleOf(acc)
		if err != nil {
			return exit.With(exit.Config, err)
		}
		watched[i] = status.Watched{Name: acc.Name, Schedule: sched, Summary: known[acc.Name]}
		if err := blocked[acc.Name]; err != nil {
			watched[i].Blocked = exit.Text(err)
		}
	}
	h := status.HealthOf(watched, limit, cfg.Alarm.Parked, now)
	if asJSON {
		err = screen.WriteJSON(a.Out, h)
	} else {
		err = h.Show(a.Out)
	}
	if err == nil && !h.Healthy {
		err = exit.With(exitUnhealthy, exit.ErrReported)
	}
	return err
}
