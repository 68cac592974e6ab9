package main

import (
	"github.com/spf13/cobra"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/internal/decisions"
	"github.com/popsync/popsync/internal/usage"
)

func (a deciding) vouchCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "vouch ACCOUNT",
		Short: "Say that mail which nobody saw safe is safe",
		Long: `popsync keeps a message on the server, whatever 'delete' says, when nobody saw it become durable at its destination (after
a crash no file of it was left, or only its name in the Maildir tells), and when it was delivered before an upgrade to a
destination that is not configured any more. 'popsync status' counts them.

This says that they are safe: you have looked. No server is asked now and nothing is deleted by this, but afterwards
'delete' counts for these messages as for all others.`,
		Example:           "  popsync vouch work",
		Args:              usage.One("an account", "vouch work"),
		ValidArgsFunction: a.completeAccounts,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.decide(args[0], func(cfg *config.Config, acc config.Account, d *decisions.Desk) error {
				return d.Vouch(cmd.Context(), args[0], later(acc.Delete))
			})
		},
	}
}
