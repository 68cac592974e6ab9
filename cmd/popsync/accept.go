package main

import (
	"github.com/spf13/cobra"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/internal/decisions"
	"github.com/popsync/popsync/internal/usage"
)

func (a deciding) acceptCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "accept ACCOUNT",
		Short: "Let mail through that was held back",
		Long: `When far more new messages arrive at once than the account ever gets, popsync fetches and deletes nothing until you
have looked ('popsync run --dry-run ACCOUNT' lists them): a server that lost its memory looks like that. And when the
ledger was lost, or is an older copy, messages that are not found in the Maildir are held back: they may have been
delivered before. If they are right, this command lets them through in the next run. If you have seen them all before,
'popsync baseline' is the other answer. No server is asked.`,
		Example:           "  popsync accept work",
		Args:              usage.One("an account", "accept work"),
		ValidArgsFunction: a.completeAccounts,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.decide(args[0], func(_ *config.Config, _ config.Account, d *decisions.Desk) error {
				return d.Accept(cmd.Context(), args[0])
			})
		},
	}
}
