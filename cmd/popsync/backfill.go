package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/fetcher/operator"
	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

func (a *app) backfillCommand() *cobra.Command {
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
		Args:              a.expects(2, "an account and one of its destinations", "backfill work archive"),
		ValidArgsFunction: a.completeDestinations,
		RunE: func(cmd *cobra.Command, args []string) error {
			rest := uidl.Fetch
			if without {
				rest = uidl.Without
			}
			return a.backfill(cmd.Context(), args[0], args[1], rest)
		},
	}
	c.Flags().BoolVar(&without, "without", false, "the destination goes without what came before it, and policy may delete that")
	return c
}

func (a *app) backfill(ctx context.Context, name, destination string, rest uidl.Rest) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	accounts, err := pick(cfg, []string{name})
	if err != nil {
		return err
	}
	if err := required(accounts[0], destination); err != nil {
		return err
	}
	first := fmt.Sprintf("%s: the ledger knows nothing of it yet: its first run fetches for %s all that the server lists\n", name, destination)
	if !hasLedger(cfg) {
		fmt.Fprint(a.out, first)
		return nil
	}
	ledger, err := openKnown(ctx, cfg)
	if err != nil {
		return err
	}
	defer ledger.Close()
	t, err := decisionsOf(ctx, ledger, name)
	switch {
	case err != nil:
		return err
	case !t.known:
		fmt.Fprint(a.out, first)
		return nil
	}
	d, ok := t.destination(destination)
	if !ok {
		return &exitError{exitConfig, nextstep.With(fmt.Errorf("%s: the ledger does not know destination %s yet", name, destination),
			fmt.Sprintf("first say: popsync run %s; then this again", name))}
	}
	n := t.before[d.Ordinal]
	if n == 0 {
		fmt.Fprintf(a.out, "%s: %s lacks nothing of what the server listed last\n", name, destination)
		return nil
	}
	if err := operator.Backfill(ctx, ledger, name, destination, rest); err != nil {
		return judged(err)
	}
	if rest == uidl.Fetch {
		fmt.Fprintf(a.out, "%s: the next run fetches for %s what it lacks of earlier mail and the server still lists: %s\n", name, destination, words.Number(n, "message"))
	} else {
		fmt.Fprintf(a.out, "%s: %s goes without %s of earlier mail\n", name, destination, words.Number(n, "message"))
	}
	fmt.Fprintf(a.out, "%s: nothing is deleted by this%s\n", name, later(accounts[0].Delete))
	return nil
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
	var names []string
	for _, d := range c.Deliver {
		switch {
		case d.Name != destination:
			if d.Required && !d.Fallback {
				names = append(names, d.Name)
			}
		case d.Fallback:
			return fail(exitUsage, "%s is a fallback: it takes what others refuse, and no other mail", destination)
		case !d.Required:
			return fail(exitUsage, "%s is one best effort (required = false): nothing is fetched again for it, and nothing is kept for its sake", destination)
		default:
			return nil
		}
	}
	return fail(exitUsage, "account %s has no destination %q; those that mail must get to are: %s", c.Name, destination, strings.Join(names, ", "))
}

// completeDestinations completes the name of an account, then that of one of its destinations.
func (a *app) completeDestinations(cmd *cobra.Command, args []string, so string) ([]string, cobra.ShellCompDirective) {
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
