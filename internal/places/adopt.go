package places

import (
	"context"
	"fmt"
	"slices"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

// Adopted words what becomes of an account's destinations, as they are found now, when the next run accepts them all; nothing where
// that changes nothing. known is false when the ledger does not know the account.
func Adopted(ctx context.Context, ledger uidl.Ledger, account string, now []Place) (lines []string, known bool, err error) {
	destinations, pending, ok, err := remembered(ctx, ledger, account)
	if err != nil || !ok {
		return nil, false, err
	}
	elsewhere, err := ledger.Identities(ctx)
	if err != nil {
		return nil, true, err
	}
	lines = found(account, destinations, now, elsewhere)
	names, open := OpenElsewhere(destinations, now, pending, true)
	for _, d := range names {
		lines = append(lines, fmt.Sprintf("%s of %s, which is not configured any more: the copies go to the destinations that lack these messages; what has no copy is fetched again for them",
			words.Number(open[d], "open delivery"), d))
	}
	return lines, true, nil
}

// remembered is what the ledger knows of an account's destinations; ok is false when it does not know the account.
func remembered(ctx context.Context, ledger uidl.Ledger, account string) (known []uidl.Destination, pending []uidl.Delivery, ok bool, err error) {
	l, err := ledger.Acquire(ctx, account)
	if err != nil {
		return nil, nil, false, err
	}
	defer l.Close()
	if l.Info().Epoch == 0 {
		return nil, nil, false, nil
	}
	if known, err = l.Destinations(ctx); err == nil {
		pending, err = l.Pending(ctx)
	}
	return known, pending, err == nil, err
}

// found words what becomes of Maildirs that the next run would refuse without a word: what is at their path is not what
// was known there. A remote destination is known by its address, and takes no word.
func found(account string, known []uidl.Destination, now []Place, elsewhere []string) (lines []string) {
	of := Known(known, now)
	for i, k := range of {
		p := now[i]
		if p.Err != nil {
			lines = append(lines, fmt.Sprintf("%s cannot be looked at, and is refused as long as that is so: %v", p.Name, p.Err))
		}
		if p.Err != nil || p.Path == "" {
			continue
		}
		was := knownAt(known, of, p)
		if was < 0 && k >= 0 {
			continue
		}
		if was < 0 && (p.Identity != "" || !slices.ContainsFunc(elsewhere, func(id string) bool { return Path(id) == deliver.Resolve(p.Path) })) {
			continue
		}
		line := fmt.Sprintf("%s: the Maildir at %s is accepted, whose popsync.id is another one", p.Name, p.Path)
		switch {
		case k >= 0:
			line = fmt.Sprintf("%s: the Maildir at %s is accepted, which popsync used before, in place of the one that was there last", p.Name, p.Path)
		case p.Info == nil:
			line = fmt.Sprintf("%s: a new Maildir is made at %s, where there is nothing now", p.Name, p.Path)
		case p.Identity == "":
			line = fmt.Sprintf("%s: what is at %s is accepted, although it has no popsync.id", p.Name, p.Path)
		}
		if was >= 0 {
			line += fmt.Sprintf("; it counts as another destination than %s was there, and what only that one has stays on the server. To have it here too say, after that run: popsync backfill %s %s",
				known[was].Name, account, p.Name)
		}
		lines = append(lines, line)
	}
	return lines
}
