package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/popsync/popsync/internal/screen"
	"github.com/popsync/popsync/schedule"
)

// exitUnhealthy is what a container's health check wants; only healthcheck ends with it.
const exitUnhealthy = 1

func (a *app) healthcheckCommand() *cobra.Command {
	limit := staleness{intervals: 3}
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

// staleness is how old a last success may be: so many intervals of the schedule, or age if that is not 0.
type staleness struct {
	intervals int
	age       time.Duration
}

const (
	// staleFloor: accounts with short intervals may be late by a slow server or a large mail.
	staleFloor   = 15 * time.Minute
	maxIntervals = 100
)

func (s *staleness) String() string {
	if s.age > 0 {
		return s.age.String()
	}
	return strconv.Itoa(s.intervals)
}

func (*staleness) Type() string { return "N|DURATION" }

// Set implements pflag.Value.
func (s *staleness) Set(text string) error {
	if n, err := strconv.Atoi(text); err == nil {
		if n < 1 || n > maxIntervals {
			return fmt.Errorf("not from 1 to %d intervals", maxIntervals)
		}
		*s = staleness{intervals: n}
		return nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return errors.New(`neither a number of intervals such as 3 nor a time such as "90m"`)
	}
	*s = staleness{age: d}
	return nil
}

// stale tells whether a success at last is too old.
func (s staleness) stale(last, now time.Time, sched schedule.Schedule) bool {
	age := now.Sub(last)
	if s.age > 0 {
		return age > s.age
	}
	if age <= staleFloor {
		return false
	}
	t := last
	for range s.intervals {
		if t = sched.Next(t); t.IsZero() || !t.Before(now) {
			return false
		}
	}
	return true
}

func (a *app) healthcheck(ctx context.Context, names []string, limit staleness, asJSON bool, now time.Time) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	accounts, err := pick(cfg, names)
	if err != nil {
		return err
	}
	sums, held, err := summaries(ctx, cfg)
	if code := codeOf(err); err != nil && code != exitConfig {
		return &exitError{exitUnhealthy, err}
	} else if err != nil {
		return err
	}
	h, err := healthOf(accounts, sums, held, limit, cfg.Alarm.Parked, now)
	if err != nil {
		return err
	}
	if asJSON {
		err = screen.WriteJSON(a.out, h)
	} else {
		err = h.show(a.out)
	}
	if err == nil && !h.Healthy {
		err = &exitError{exitUnhealthy, errReported}
	}
	return err
}

// show prints the one line.
func (h health) show(w io.Writer) error {
	var b strings.Builder
	if h.Healthy {
		fmt.Fprintf(&b, "healthy: %s", screen.Count(h.Accounts, "account"))
	} else {
		fmt.Fprintf(&b, "unhealthy: %d of %s", len(h.Unhealthy), screen.Count(h.Accounts, "account"))
	}
	if h.Paused > 0 {
		fmt.Fprintf(&b, ", %d paused", h.Paused)
	}
	sep := ": "
	for _, u := range h.Unhealthy {
		b.WriteString(sep + u.Account + ": " + screen.Printable(u.Reason))
		sep = "; "
	}
	_, err := fmt.Fprintln(w, b.String())
	return err
}
