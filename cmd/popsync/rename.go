package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"go.uber.org/zap"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/uidl"
)

// adoptNames follows accounts that were renamed in the configuration: one that the ledger does not know, with the
// mailbox of one that the configuration does not have any more, is the same. Under a new row all its mail would look
// new. Where several could be meant nothing is done. held are accounts that cannot be run for the reason given; all that
// have a new name if barrier is not nil.
func adoptNames(ctx context.Context, cfg *config.Config, ledger uidl.Ledger, al *alarms, log *zap.Logger, barrier error) (held map[string]error, err error) {
	infos, err := ledger.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	known, configured := map[string]bool{}, map[string]bool{}
	for _, i := range infos {
		known[i.Name] = true
	}
	fresh := map[string][]string{} // names that only the configuration has, by mailbox
	for _, c := range cfg.Accounts {
		configured[c.Name] = true
		if !known[c.Name] {
			fresh[mailboxOf(c)] = append(fresh[mailboxOf(c)], c.Name)
		}
	}
	orphans := map[string][]string{} // names that only the ledger has
	for _, i := range infos {
		if m := fetcher.MailboxOf(i.Facts); m != "" && !configured[i.Name] {
			orphans[m] = append(orphans[m], i.Name)
		}
	}
	held = map[string]error{}
	for _, m := range slices.Sorted(maps.Keys(fresh)) {
		if len(fresh[m]) != 1 || len(orphans[m]) != 1 {
			continue
		}
		was, name := orphans[m][0], fresh[m][0]
		err := barrier
		if err == nil {
			err = adoptName(ctx, ledger, was, name)
		}
		if err != nil {
			held[name] = err
			continue
		}
		log.Info("account renamed", zap.String("account", name), zap.String("was", was))
		if err := al.notifier.Rename(was, name); err != nil {
			log.Warn("alarm not renamed", zap.String("account", name), zap.String("error", errorText(err)))
		}
	}
	return held, nil
}

// adoptName gives what the ledger knows of an account its new name.
func adoptName(ctx context.Context, ledger uidl.Ledger, was, name string) error {
	open, err := openDeliveries(ctx, ledger, was)
	if err == nil && open > 0 { // their copies lie in a place that has the old name
		return &hintError{fmt.Errorf("this is the mailbox that was called %s, and %s of it still on the way", was, count(open, "delivery")),
			fmt.Sprintf("call it %s again until it has delivered them, then rename it", was)}
	}
	if err == nil {
		err = ledger.Rename(ctx, was, name)
	}
	if errors.Is(err, uidl.ErrBusy) {
		return &hintError{fmt.Errorf("this is the mailbox that was called %s: %w", was, uidl.ErrBusy), "wait for it; the next pass tries again"}
	}
	return err
}

func openDeliveries(ctx context.Context, ledger uidl.Ledger, account string) (int, error) {
	l, err := ledger.Acquire(ctx, account)
	if err != nil {
		return 0, err
	}
	defer l.Close()
	open, err := l.Pending(ctx)
	return len(open), err
}
