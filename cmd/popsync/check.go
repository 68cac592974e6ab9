package main

import (
	"context"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/internal/checkup"
)

// checkOptions are the flags of check.
type checkOptions struct {
	adopt, trace                    string
	alarm, offline, asJSON, verbose bool
}

func (a *app) checkCommand() *cobra.Command {
	var o checkOptions
	c := &cobra.Command{
		Use:   "check [ACCOUNT...]",
		Short: "Test configuration, servers and destinations; changes nothing",
		Long: `Read the configuration, look at the files and programs that it names, then
for each account, several at a time: look up and connect to the server, log in,
count the messages, and look whether each destination can take mail. It says
what it did and what it did not look at. Nothing is fetched, delivered, deleted
or created. Of accounts that were fetched before it also says what was learned
of their servers.

With more than three accounts, what is as it should be is only in the table at
the end, unless --verbose asks for it.

With --trace, what popsync and the servers say to each other is written to a
file, for whoever looks for a fault: with "<secret>" in place of all that
belongs to a login.

With --alarm instead: send one test alarm in each way in which people are told
of these accounts, and say whether it arrived.

With --adopt ACCOUNT instead: accept that account's destinations as the next
run finds them, after a restore or a move, and let the copies that wait for
destinations which are configured no more go to those that lack them. It says
what the next run will do. Nothing counts as delivered by that.`,
		ValidArgsFunction: a.completeAccounts,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.fits(cmd, args); err != nil {
				return err
			}
			switch {
			case o.adopt != "":
				return a.adopt(cmd.Context(), o.adopt)
			case o.alarm:
				return a.checkAlarm(cmd.Context(), args, o)
			}
			return a.check(cmd.Context(), args, o)
		},
	}
	c.Flags().StringVar(&o.adopt, "adopt", "", "accept the destinations of `ACCOUNT` as the next run\nfinds them (this writes to the ledger)")
	c.Flags().BoolVar(&o.alarm, "alarm", false, "send a test alarm (this delivers a message)")
	c.Flags().BoolVar(&o.offline, "offline", false, "ask no server; say what was not looked at")
	traceFlag(c, &o.trace)
	c.Flags().BoolVar(&o.asJSON, "json", false, "print one JSON object per account, and one before them")
	c.Flags().BoolVar(&o.verbose, "verbose", false, "print all findings, also of many accounts")
	return c
}

// fits refuses flags that do not go together.
func (o checkOptions) fits(cmd *cobra.Command, args []string) error {
	switch {
	case cmd.Flags().Changed("adopt") && (len(args) > 0 || o.alarm || o.offline || o.asJSON || o.verbose):
		return fail(exitUsage, "--adopt takes one account and no other flag, for example: popsync check --adopt work")
	case cmd.Flags().Changed("adopt") && o.adopt == "":
		return fail(exitUsage, "--adopt takes the name of an account, for example: popsync check --adopt work")
	case o.alarm && o.offline:
		return fail(exitUsage, "--alarm sends something, --offline does not; say one of them, for example: popsync check --alarm work")
	case o.trace != "" && (o.alarm || o.offline || cmd.Flags().Changed("adopt")):
		return fail(exitUsage, "--trace shows what is said to servers, which these flags do not do; say it alone, for example: popsync check --trace wire.txt work")
	}
	return nil
}

// looker looks at a configuration and its accounts.
type looker struct {
	*app
	cfg      *config.Config
	accounts []config.Account
	offline  bool

	known *knowledge                                       // of the ledger; nil: there is none, or it cannot be read
	blind bool                                             // what the ledger remembers could not be read
	shown chan struct{}                                    // closed when what is general has been printed: from then on a person may be asked
	asked map[string]func(context.Context) (string, error) // passwords that a person was asked for, by account

	big bigListings

	mu     sync.Mutex
	relays map[string]chan struct{} // places at mail servers that several accounts send to, by address
}

// stopGrace is for what is stopped to end by itself.
const stopGrace = 100 * time.Millisecond

func (a *app) check(ctx context.Context, names []string, o checkOptions) error {
	defer a.ends(ctx)()
	cfg, err := a.load()
	if err != nil {
		return err
	}
	accounts, err := pick(cfg, names)
	if err != nil {
		return err
	}
	traced, err := a.trace(o.trace)
	if err != nil {
		return err
	}
	defer traced()
	l := &looker{app: a, cfg: cfg, accounts: accounts, offline: o.offline, shown: make(chan struct{}), big: newBigListings()}
	look := checkup.Look{
		General: func(s *checkup.Sheet) { l.general(ctx, s) },
		Between: func() {
			<-l.shown
			l.asked = l.passwords(ctx)
		},
		Parallel: cfg.Parallel, PerHost: cfg.PerHost,
	}
	for _, acc := range accounts {
		look.Accounts = append(look.Accounts, checkup.Account{
			Name: acc.Name, Host: acc.Host, Destinations: seenOf(acc.Deliver),
			Look: func(ctx context.Context, s *checkup.Sheet) { l.account(ctx, s, acc, l.asked[acc.Name]) },
		})
	}
	return a.present(ctx, checkup.Begin(ctx, look), o, func() { close(l.shown) })
}

// seenOf are an account's destinations, of which nothing is seen yet.
func seenOf(deliver []config.Deliver) (all []checkup.Seen) {
	for _, d := range deliver {
		all = append(all, checkup.Seen{Name: d.Name, Type: d.Type})
	}
	return all
}
