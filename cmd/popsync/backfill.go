package main

import (
	"github.com/spf13/cobra"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/internal/decisions"
	"github.com/popsync/popsync/internal/usage"
	"github.com/popsync/popsync/uidl"
)

func (a deciding) backfillCommand() *cobra.Command {
	var without bool
	c := &cobra.Command{
		Use:   "backfill ACCOUNT DESTINATION",
		Short: "Fetch what came before a destination, or say that it goes without",
		Long: `A destination that was added, came back or became required gets mail from then on. What was delivered before stays on
the server, whatever 'delete' says, until a person decides; this is how.

Without a flag, the next runs fetch for DESTINATION what it lacks and the server still lists. With --without, it goes
without those messages. No server is asked now and nothing is deleted by this, but afterwards 'delete' counts for these
messages as for all others: policy may delete those that are where they must be.`,
		Example:           "  popsync backfill work archive\n  popsync backfill --without work archive",
		Args:              usage.Exactly(2, "an account and one of its destinations", "backfill work archive"),
		ValidArgsFunction: a.completeDestinations,
		RunE: func(cmd *cobra.Command, args []string) error {
			rest := uidl.Fetch
			if without {
				rest = uidl.Without
			}
			return a.decide(args[0], func(cfg *config.Config, acc config.Account, d *decisions.Desk) error {
				if err := required(acc, args[1]); err != nil {
					return err
				}
				return d.Backfill(cmd.Context(), args[0], args[1], rest, later(acc.Delete))
			})
		},
	}
	c.Flags().BoolVar(&without, "without", false, "the destination goes without what came before it, and policy may delete that")
	return c
}

// later is what policy may do with messages that nothing keeps any more.
func later(d config.Delete) string {
	switch d.Kind {
	case config.DeleteAfterDelivery:
		return `; later runs may delete them, by delete = "after-delivery"`
	case config.DeleteAge:
		return "; later runs may delete them once they are old enough for 'delete'"
	}
	return `, nor by later runs as long as 'delete' is "never"`
}

// required refuses what is no required destination of an account: of no other is asked that it has a message.
func required(c config.Account, destination string) error {
	var all []decisions.Destination
	for _, d := range c.Deliver {
		all = append(all, decisions.Destination{Name: d.Name, Required: d.Required, Fallback: d.Fallback})
	}
	return decisions.Required(c.Name, all, destination)
}

// completeDestinations completes the name of an account, then that of one of its destinations.
func (a deciding) completeDestinations(cmd *cobra.Command, args []string, so string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return a.completeAccounts(cmd, args, so)
	}
	cfg, err := a.load()
	if err != nil || len(args) > 1 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, d := range accountOf(cfg, args[0]).Deliver {
		if required(accountOf(cfg, args[0]), d.Name) == nil {
			names = append(names, d.Name)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
