package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/internal/uidtext"
	"github.com/popsync/popsync/internal/words"
)

const refetchExample = "refetch work 0000019a5f2c"

func (a *app) refetchCommand() *cobra.Command {
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
		Example: "  popsync " + refetchExample + "\n  popsync refetch work -- -42\n  popsync refetch --all work",
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) == 0, len(args) == 1 && !all:
				return fail(exitUsage, "expected are an account and unique-ids, or --all, for example: popsync %s", refetchExample)
			case all && len(args) > 1:
				return fail(exitUsage, "--all means all messages of one account, without unique-ids, for example: popsync refetch --all work")
			}
			return nil
		},
		ValidArgsFunction: a.completeAccount,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.refetch(cmd.Context(), args[0], args[1:], yes)
		},
	}
	c.Flags().BoolVar(&all, "all", false, "all messages of the account that were delivered")
	c.Flags().BoolVar(&yes, "yes", false, "do not ask whether all are meant")
	return c
}

// refetch has messages fetched again; no unique-ids: all that were delivered.
func (a *app) refetch(ctx context.Context, name string, uids []string, yes bool) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	accounts, err := pick(cfg, []string{name})
	if err != nil {
		return err
	}
	if !hasLedger(cfg) {
		return fail(exitUsage, "%s: nothing was delivered yet: the first run fetches all that the server lists", name)
	}
	acc, err := a.withNotes(cfg, accounts[0])
	if err != nil {
		return &exitError{exitConfig, err}
	}
	ledger, err := openKnown(ctx, cfg)
	if err != nil {
		return err
	}
	defer ledger.Close()
	if len(uids) == 0 && !yes {
		question := fmt.Sprintf("Fetch all mail of %s again that was delivered and is still on the server? A Maildir that still has it then has it twice.", name)
		if ok, err := a.confirm(ctx, question, "refetch --all --yes "+name); !ok {
			return err
		}
	}
	r, err := fetcher.Refetch(ctx, ledger, acc, uids, time.Now())
	if refused, ok := errors.AsType[*fetcher.RefetchError](err); ok {
		return a.refuseUIDs(name, refused.Refused)
	}
	switch {
	case errors.Is(err, fetcher.ErrDoubt):
		return &exitError{exitConfig, nextstep.With(fmt.Errorf("%s: nothing was changed: %w", name, err),
			fmt.Sprintf("first say: popsync run %s; then this again", name))}
	case err != nil:
		return unlessBusy(name, err)
	}
	a.tellRefetched(ctx, cfg, name, r)
	return nil
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

func (a *app) tellRefetched(ctx context.Context, cfg *config.Config, name string, r fetcher.Refetched) {
	if r.Messages == 0 {
		a.tell("%s: nothing that was delivered is still on the server", name)
	} else {
		a.tell("%s of %s will be fetched again in the next run, if the server still lists %s", words.Number(r.Messages, "message"), name, words.Plural(r.Messages, "it", "them"))
	}
	for _, why := range slices.Sorted(maps.Keys(r.Left)) {
		a.tell("%s left as before: %s", words.Number(r.Left[why], "message"), why)
	}
	if r.Messages == 0 {
		return
	}
	a.tell("every destination gets %s once more: a Maildir that still has a message then has it twice", words.Plural(r.Messages, "it", "them"))
	if r.Flood != nil {
		a.tell("nothing is fetched before you say what the %[1]s held back %[2]s: popsync accept %[3]s, or popsync baseline %[3]s and then this again",
			words.Number(r.Flood.New, "new message"), words.Plural(r.Flood.New, "is", "are"), name)
	}
	a.tell("to begin now say: %s", a.begin(ctx, cfg, name))
}

// refuseUIDs tells which unique-ids cannot be fetched again, and why.
func (a *app) refuseUIDs(name string, refused []fetcher.RefusedUID) error {
	fmt.Fprintf(a.err, "popsync: %s: nothing was changed: %s cannot be fetched again:\n", name, words.Number(len(refused), "unique-id"))
	for _, r := range refused {
		fmt.Fprintf(a.err, "  %s: %s\n", uidtext.Arg(r.UID), words.Clip(r.Why))
	}
	return &exitError{exitUsage, errReported}
}

// completeAccount completes the name of one account.
func (a *app) completeAccount(cmd *cobra.Command, args []string, so string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.completeAccounts(cmd, args, so)
}
