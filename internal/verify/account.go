package verify

import (
	"context"
	"fmt"
	"slices"

	"github.com/popsync/popsync/deliver/maildir"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/places"
	"github.com/popsync/popsync/internal/status"
	"github.com/popsync/popsync/internal/uidtext"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

// of looks at one account, whose lease it holds meanwhile.
func (v *verifier) of(ctx context.Context, ledger uidl.Ledger, a Account) error {
	acc, err := ledger.Acquire(ctx, a.Name)
	if err != nil {
		return err
	}
	defer acc.Close()
	pending, err := acc.Pending(ctx)
	if err != nil {
		return err
	}
	known, err := acc.Destinations(ctx)
	if err != nil {
		return err
	}
	before := v.findings
	if err := v.rows(ctx, acc, known, pending); err != nil {
		return err
	}
	var now []places.Place
	for _, d := range a.Destinations {
		now = append(now, d.Look(ctx))
	}
	names, open := places.OpenElsewhere(known, now, pending, false)
	for _, d := range names {
		if optional(known, d) {
			v.note(fmt.Sprintf("%s for %s, which was not required and is not configured any more: the next run drops what the required destinations have",
				words.Number(open[d], "open delivery"), d))
			continue
		}
		v.found(verdict.Config, fmt.Sprintf("%s for %s, which is not configured any more", words.Number(open[d], "open delivery"), d),
			"configure it again, or say: popsync check --adopt "+a.Name+"; then the next run gives the copies to the destinations that lack those messages")
	}
	of := places.Known(known, now)
	for i, d := range a.Destinations {
		remembered := uidl.Destination{Name: d.Name}
		if of[i] >= 0 {
			remembered = known[of[i]]
		} else if now[i].Err == nil {
			remembered.Identity = places.Missed(known, of, now[i], nil)
		}
		if err := v.destination(ctx, d, remembered, pending); err != nil {
			judged := verdict.Of(err)
			v.found(judged.Class, d.Name+": "+judged.Message, judged.Hint)
		}
	}
	if k, ok := acc.Interrupted(); ok {
		v.ok(fmt.Sprintf("the last run ended while it read message %s; the next one counts that as a failed attempt", uidtext.Arg(k.UID)))
	}
	if health.InVerifyMode(acc.Info().Facts) {
		v.ok("the ledger was repaired: the next run looks in the Maildir for what it lacks, holds back what is not there, and deletes nothing on the server")
	}
	if v.held > 0 {
		v.note(status.HeldText(a.Name, v.held))
	}
	if v.unsure > 0 {
		v.note(status.UnsureText(a.Name, v.unsure))
	}
	if v.findings == before {
		v.ok(fmt.Sprintf("nothing to complain of; %s", words.Number(len(pending), "open delivery")))
	}
	return nil
}

// destination compares one with what the ledger says of it.
func (v *verifier) destination(ctx context.Context, d Destination, known uidl.Destination, pending []uidl.Delivery) error {
	target, err := d.Open()
	if err != nil {
		return err
	}
	defer target.Close()
	if m, ok := target.(*maildir.Target); ok && known.Identity != "" {
		return v.maildir(ctx, m, d, known, pending)
	}
	return target.Check(ctx, known.Identity)
}

// optional tells whether a known destination was not required when it was last configured.
func optional(known []uidl.Destination, name string) bool {
	return slices.ContainsFunc(known, func(d uidl.Destination) bool {
		return d.Name == name && (d.Role == uidl.Optional || d.Role == uidl.WasOptional)
	})
}
