package main

import (
	"github.com/spf13/cobra"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/internal/decisions"
	"github.com/popsync/popsync/internal/usage"
)

func (a deciding) retryCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "retry ACCOUNT [UID...]",
		Short: "Make parked messages due now: all of an account, or those named",
		Long: `Make what is parked or put off due now: all messages of an account, or those
named by their unique-ids, as 'popsync parked' prints them. It tries nothing
itself. A running daemon begins with the account at once, and then tries all
that waits there; without one the next run tries them, also one from a timer.`,
		Example:           "  popsync retry work\n  popsync retry work 0000a3f2-17",
		Args:              usage.UIDs(0, "an account, and unique-ids if not all are meant", "retry work 0000a3f2-17"),
		ValidArgsFunction: a.completeAccount,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.decide(args[0], func(_ *config.Config, _ config.Account, d *decisions.Desk) error {
				return d.Retry(cmd.Context(), args[0], args[1:])
			})
		},
	}
	c.SetFlagErrorFunc(usage.Dashes)
	return c
}
