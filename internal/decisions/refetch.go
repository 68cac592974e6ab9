package decisions

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/internal/uidtext"
	"github.com/popsync/popsync/internal/words"
)

// RefetchFits refuses arguments of 'popsync refetch' that do not go together with --all, or without it.
func RefetchFits(args []string, all bool) error {
	switch {
	case len(args) == 0, len(args) == 1 && !all:
		return exit.Errorf(exit.Usage, "expected are an account and unique-ids, or --all, for example: popsync refetch work 0000019a5f2c")
	case all && len(args) > 1:
		return exit.Errorf(exit.Usage, "--all means all messages of one account, without unique-ids, for example: popsync refetch --all work")
	}
	return nil
}

// Refetch has messages fetched again; no unique-ids: all that were delivered. acc is the account with the destinations
// that may have notes of its ledger. yes: nobody is asked.
func (desk *Desk) Refetch(ctx context.Context, name string, acc func() (fetcher.Account, error), uids []string, yes bool) error {
	if !desk.HasLedger {
		return exit.Errorf(exit.Usage, "%s: nothing was delivered yet: the first run fetches all that the server lists", name)
	}
	account, err := acc()
	if err != nil {
		return exit.With(exit.Config, err)
	}
	ledger, err := desk.Ledger(ctx)
	if err != nil {
		return err
	}
	defer ledger.Close()
	if len(uids) == 0 && !yes {
		question := fmt.Sprintf("Fetch all mail of %s again that was delivered and is still on the server? A Maildir that still has it then has it twice.", name)
		if ok, err := desk.Confirm(ctx, question, "refetch --all --yes "+name); !ok {
			return err
		}
	}
	r, err := fetcher.Refetch(ctx, ledger, account, uids, time.Now())
	if refused, ok := errors.AsType[*fetcher.RefetchError](err); ok {
		return desk.refuseUIDs(name, refused.Refused)
	}
	switch {
	case errors.Is(err, fetcher.ErrDoubt):
		return exit.With(exit.Config, nextstep.With(fmt.Errorf("%s: nothing was changed: %w", name, err),
			fmt.Sprintf("first say: popsync run %s; then this again", name)))
	case err != nil:
		return unlessBusy(name, err)
	}
	desk.tellRefetched(ctx, name, r)
	return nil
}

func (desk *Desk) tellRefetched(ctx context.Context, name string, r fetcher.Refetched) {
	if r.Messages == 0 {
		desk.Tell("%s: nothing that was delivered is still on the server", name)
	} else {
		desk.Tell("%s of %s will be fetched again in the next run, if the server still lists %s", words.Number(r.Messages, "message"), name, words.Plural(r.Messages, "it", "them"))
	}
	for _, why := range slices.Sorted(maps.Keys(r.Left)) {
		desk.Tell("%s left as before: %s", words.Number(r.Left[why], "message"), why)
	}
	if r.Messages == 0 {
		return
	}
	desk.Tell("every destination gets %s once more: a Maildir that still has a message then has it twice", words.Plural(r.Messages, "it", "them"))
	if r.Flood != nil {
		desk.Tell("nothing is fetched before you say what the %[1]s held back %[2]s: popsync accept %[3]s, or popsync baseline %[3]s and then this again",
			words.Number(r.Flood.New, "new message"), words.Plural(r.Flood.New, "is", "are"), name)
	}
	desk.Tell("to begin now say: %s", desk.begin(ctx, name))
}

// refuseUIDs tells which unique-ids cannot be fetched again, and why.
func (desk *Desk) refuseUIDs(name string, refused []fetcher.RefusedUID) error {
	fmt.Fprintf(desk.Err, "popsync: %s: nothing was changed: %s cannot be fetched again:\n", name, words.Number(len(refused), "unique-id"))
	for _, r := range refused {
		fmt.Fprintf(desk.Err, "  %s: %s\n", uidtext.Arg(r.UID), words.Clip(r.Why))
	}
	return exit.With(exit.Usage, exit.ErrReported)
}
