package main

import (
	"github.com/spf13/cobra"

	"github.com/popsync/popsync/internal/decisions"
	"github.com/popsync/popsync/internal/usage"
)

func (a deciding) pauseCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "pause ACCOUNT...",
		Short: "Leave accounts alone until 'popsync resume'",
		Long: `Make no more passes over the named accounts, neither by a daemon nor by a timer, until 'popsync resume' names them. A pass
of the daemon that is running ends in order. A pass of 'popsync run' must end first: that is waited for
some seconds, and if it takes longer nothing is changed. A pause is remembered over restarts; nothing else is forgotten, and no mail is lost by it.`,
		Args:              usage.AtLeast(1, "an account", "pause work"),
		ValidArgsFunction: a.completeAccounts,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.decideAll(args, func(d *decisions.Desk, names []string) error { return d.Pause(cmd.Context(), names, true) })
		},
	}
}

func (a deciding) resumeCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "resume ACCOUNT...",
		Short:             "Go on with accounts that were paused",
		Args:              usage.AtLeast(1, "an account", "resume work"),
		ValidArgsFunction: a.completeAccounts,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.decideAll(args, func(d *decisions.Desk, names []string) error { return d.Pause(cmd.Context(), names, false) })
		},
	}
}
