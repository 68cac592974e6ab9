package main

import (
	"github.com/spf13/cobra"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/internal/decisions"
)

func (a deciding) refetchCommand() *cobra.Command {
	var all, yes bool
	c := &cobra.Command{
		Use:   "refetch ACCOUNT [UNIQUE-ID...]",
		Short: "Fetch messages again that were delivered before",
		Long: `The next runs fetch the named messages again, or all with --all, if the server
still lists them, and deliver them once more to every destination of the
account: after a Maildir was emptied, say. A Maildir that still has a message
gets a second copy of it. No server is asked now, and nothing is deleted before
it was delivered again.

With --all that is all that was delivered and is still on the server. What
'popsync baseline' marked as seen is left out; it can be named. What is not
delivered yet, or is parked or held back, stays as it is.

Unique-ids are those in popsync's log lines. One that begins with '-' comes
after '--'.`,
		Example: "  popsync refetch work 0000019a5f2c\n  popsync refetch work -- -42\n  popsync refetch --all work",
		Args: func(_ *cobra.Command, args []string) error {
			return decisions.RefetchFits(args, all)
		},
		ValidArgsFunction: a.completeAccount,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.decide(args[0], func(cfg *config.Config, acc config.Account, d *decisions.Desk) error {
				notes := func() (fetcher.Account, error) { return a.withNotes(cfg, acc) }
				return d.Refetch(cmd.Context(), acc.Name, notes, args[1:], yes)
			})
		},
	}
	c.Flags().BoolVar(&all, "all", false, "all messages of the account that were delivered")
	c.Flags().BoolVar(&yes, "yes", false, "do not ask whether all are meant")
	return c
}

// withNotes is an account with the destinations that may have notes of its ledger, which is all that is looked at.
func (a *app) withNotes(cfg *config.Config, c config.Account) (fetcher.Account, error) {
	acc := fetcher.Account{Name: c.Name, Mailbox: mailboxOf(c)}
	for _, d := range c.Deliver {
		if folderOf(d) == "" {
			continue
		}
		target, err := a.targetOf(cfg, c.Name, d)
		if err != nil {
			return acc, err
		}
		acc.Destinations = append(acc.Destinations, fetcher.Destination{Name: d.Name, Target: target})
	}
	return acc, nil
}

// completeAccount completes the name of one account.
func (a *app) completeAccount(cmd *cobra.Command, args []string, so string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.completeAccounts(cmd, args, so)
}
