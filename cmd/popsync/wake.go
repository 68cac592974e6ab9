package main

import (
	"github.com/spf13/cobra"

	"github.com/popsync/popsync/internal/decisions"
)

func (a deciding) wakeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "wake [ACCOUNT...]",
		Short: "Try all accounts, or those named, at once, whatever they wait for",
		Long: `Make every account, or those named, due at once: after a failure popsync waits longer and longer before it tries again,
and after a refused login once a day at most, or not at all. A running daemon begins now; without one the next run does not wait, but a pass of 'popsync run' must end first.
Paused accounts are left alone, unless they are named: then one pass is made, and they stay paused.`,
		ValidArgsFunction: a.completeAccounts,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.decideAll(args, func(d *decisions.Desk, names []string) error { return d.Wake(cmd.Context(), names, len(args) > 0) })
		},
	}
}
