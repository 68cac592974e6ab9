package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/internal/alarms"
	"github.com/popsync/popsync/internal/checkup"
	"github.com/popsync/popsync/internal/decisions"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/places"
	"github.com/popsync/popsync/internal/probe"
	"github.com/popsync/popsync/internal/screen"
)

// looking are the commands that look, and change nothing that counts.
type looking struct{ *app }

// checkOptions are the flags of check.
type checkOptions struct {
	adopt, trace                    string
	alarm, offline, asJSON, verbose bool
}

func (a looking) checkCommand() *cobra.Command {
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
				return deciding(a).decide(o.adopt, func(cfg *config.Config, acc config.Account, d *decisions.Desk) error {
					return d.Adopt(cmd.Context(), acc.Name, func(ctx context.Context) []places.Place { return a.placesNow(ctx, cfg, acc) })
				})
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
		return exit.Errorf(exit.Usage, "--adopt takes one account and no other flag, for example: popsync check --adopt work")
	case cmd.Flags().Changed("adopt") && o.adopt == "":
		return exit.Errorf(exit.Usage, "--adopt takes the name of an account, for example: popsync check --adopt work")
	case o.alarm && o.offline:
		return exit.Errorf(exit.Usage, "--alarm sends something, --offline does not; say one of them, for example: popsync check --alarm work")
	case o.trace != "" && (o.alarm || o.offline || cmd.Flags().Changed("adopt")):
		return exit.Errorf(exit.Usage, "--trace shows what is said to servers, which these flags do not do; say it alone, for example: popsync check --trace wire.txt work")
	}
	return nil
}

// looker looks at a configuration and its accounts.
type looker struct {
	*app
	cfg      *config.Config
	accounts []config.Account
	offline  bool
	noServer bool // the account's server is not asked

	known     *probe.Known                                     // of the ledger; nil: there is none, or it cannot be read
	blind     bool                                             // what the ledger remembers could not be read
	shown     chan struct{}                                    // closed when what is general has been printed: from then on a person may be asked
	passwords map[string]func(context.Context) (string, error) // passwords that a person was asked for, by account

	told   alarms.Config // how people are told of accounts
	big    probe.Listings
	relays probe.Turns // at mail servers that several accounts send to
}

func (a looking) check(ctx context.Context, names []string, o checkOptions) error {
	defer a.Ends(ctx, a.logWriter())()
	cfg, accounts, err := a.chosen(names)
	if err != nil {
		return err
	}
	traced, err := a.trace(o.trace)
	if err != nil {
		return err
	}
	defer traced()
	told, err := alarmsOf(cfg)
	if err != nil {
		return exit.With(exit.Config, err)
	}
	l := &looker{app: a.app, told: told, cfg: cfg, accounts: accounts, offline: o.offline, shown: make(chan struct{}), big: probe.NewListings()}
	sheets := l.begin(ctx, func() {
		<-l.shown
		l.passwords = l.askPasswords(ctx)
	})
	return a.present(ctx, sheets, o, func() { close(l.shown) })
}

// begin begins the look; between is called when what is general was looked at, and may be nil.
func (l *looker) begin(ctx context.Context, between func()) []*checkup.Sheet {
	look := checkup.Look{
		General: func(s *checkup.Sheet) { l.general(ctx, s) }, Between: between,
		Parallel: l.cfg.Parallel, PerHost: l.cfg.PerHost,
	}
	for _, acc := range l.accounts {
		look.Accounts = append(look.Accounts, checkup.Account{
			Name: acc.Name, Host: acc.Host, Destinations: seenOf(acc.Deliver),
			Look: func(ctx context.Context, s *checkup.Sheet) { l.account(ctx, s, acc, l.passwords[acc.Name]) },
		})
	}
	return checkup.Begin(ctx, look)
}

// seenOf are an account's destinations, of which nothing is seen yet.
func seenOf(deliver []config.Deliver) (all []checkup.Seen) {
	for _, d := range deliver {
		all = append(all, checkup.Seen{Name: d.Name, Type: d.Type})
	}
	return all
}

// present prints the sheets as they are filled in, and what follows from all of them. first is called after the first one.
func (a looking) present(ctx context.Context, sheets []*checkup.Sheet, o checkOptions, first func()) error {
	return checkup.Show(ctx, a.Out, sheets, checkup.Options{
		Accounts: len(sheets) - 1, Width: a.Width(), Verbose: o.verbose, JSON: o.asJSON, Offline: o.offline, Trial: o.alarm,
	}, first, a.sayWaiting)
}

// sayWaiting says what a check waits for, on a terminal where nobody is being asked for something.
func (a looking) sayWaiting(text string) {
	if !a.ErrTerm || !a.asking.TryLock() {
		return
	}
	defer a.asking.Unlock()
	fmt.Fprintln(a.Err, screen.Wrap(text, "  ", 80))
}
