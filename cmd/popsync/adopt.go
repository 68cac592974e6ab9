package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/fetcher/operator"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

// adopt has the next run accept an account's destinations as it finds them, and give away what is open for those that are
// configured no more. It tells what that will be, and does nothing where nothing would be.
func (a *app) adopt(ctx context.Context, name string) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	accounts, err := pick(cfg, []string{name})
	if err != nil {
		return err
	}
	if !hasLedger(cfg) {
		a.nothingToAdopt(name, "the ledger knows nothing of it yet")
		return nil
	}
	ledger, err := openKnown(ctx, cfg)
	if err != nil {
		return err
	}
	defer ledger.Close()
	known, pending, ok, err := placesIn(ctx, ledger, name)
	switch {
	case err != nil:
		return err
	case !ok:
		a.nothingToAdopt(name, "the ledger knows nothing of it yet")
		return nil
	}
	now := a.sight(ctx, cfg, accounts[0])
	elsewhere, err := ledger.Identities(ctx)
	if err != nil {
		return judged(err)
	}
	lines := found(name, known, now, elsewhere)
	stays := staying(known, now, true)
	names, open := openElsewhere(stays, pending)
	for _, d := range names {
		lines = append(lines, fmt.Sprintf("%s of %s, which is not configured any more: the copies go to the destinations that lack these messages; what has no copy is fetched again for them",
			words.Number(open[d], "open delivery"), d))
	}
	if len(lines) == 0 {
		a.nothingToAdopt(name, "every destination is the one that popsync knows, and nothing is open for another")
		return nil
	}
	if err := operator.Adopt(ctx, ledger, name); err != nil {
		return judged(err)
	}
	fmt.Fprintf(a.out, "%s: in the next run:\n", name)
	for _, line := range lines {
		fmt.Fprintf(a.out, "  %s\n", words.Clip(line))
	}
	fmt.Fprintf(a.out, "%s: nothing counts as delivered by this, and nothing is deleted on the server for it\n", name)
	return nil
}

func (a *app) nothingToAdopt(name, why string) {
	fmt.Fprintf(a.out, "%s: nothing to adopt: %s\n", name, why)
}

// placesIn is what the ledger knows of an account's destinations; ok is false when it does not know the account.
func placesIn(ctx context.Context, ledger uidl.Ledger, name string) (known []uidl.Destination, pending []uidl.Delivery, ok bool, err error) {
	l, err := ledger.Acquire(ctx, name)
	if err != nil {
		return nil, nil, false, judged(err)
	}
	defer l.Close()
	if l.Info().Epoch == 0 {
		return nil, nil, false, nil
	}
	if known, err = l.Destinations(ctx); err == nil {
		pending, err = l.Pending(ctx)
	}
	if err != nil {
		return nil, nil, false, judged(err)
	}
	return known, pending, true, nil
}

// found words what becomes of Maildirs that the next run would refuse without a word: what is at their path is not what
// was known there. A remote destination is known by its address, and takes no word.
func found(account string, known []uidl.Destination, now []sighted, elsewhere []string) (lines []string) {
	of := knownOf(known, now)
	for i, k := range of {
		s := now[i]
		if s.err != nil {
			lines = append(lines, fmt.Sprintf("%s cannot be looked at, and is refused as long as that is so: %v", s.Name, s.err))
		}
		if s.err != nil || s.path == "" {
			continue
		}
		was := knownAt(known, of, s)
		if was < 0 && k >= 0 {
			continue
		}
		if was < 0 && (s.identity != "" || !slices.ContainsFunc(elsewhere, func(id string) bool { return pathIn(id) == deliver.Resolve(s.path) })) {
			continue
		}
		line := fmt.Sprintf("%s: the Maildir at %s is accepted, whose popsync.id is another one", s.Name, s.path)
		switch {
		case k >= 0:
			line = fmt.Sprintf("%s: the Maildir at %s is accepted, which popsync used before, in place of the one that was there last", s.Name, s.path)
		case s.info == nil:
			line = fmt.Sprintf("%s: a new Maildir is made at %s, where there is nothing now", s.Name, s.path)
		case s.identity == "":
			line = fmt.Sprintf("%s: what is at %s is accepted, although it has no popsync.id", s.Name, s.path)
		}
		if was >= 0 {
			line += fmt.Sprintf("; it counts as another destination than %s was there, and what only that one has stays on the server. To have it here too say, after that run: popsync backfill %s %s",
				known[was].Name, account, s.Name)
		}
		lines = append(lines, line)
	}
	return lines
}

// knownAt is the known destination at a Maildir's path for whose sake the next run would refuse what is there; -1: none.
func knownAt(known []uidl.Destination, of []int, s sighted) int {
	for k, d := range known {
		if at(d) != "" && at(d) == deliver.Resolve(s.path) && !slices.Contains(of, k) && (!away(d.Role) || s.identity == "") {
			return k
		}
	}
	return -1
}
