package verify

import (
	"context"
	"fmt"
	"time"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/maildir"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/uidtext"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

// orphanAge is when a file in tmp/ that no delivery speaks of may be removed: what every sweeper of Maildirs keeps to.
const orphanAge = 36 * time.Hour

// maildir looks where in a Maildir the open deliveries are, and what else lies in its tmp/.
func (v *verifier) maildir(ctx context.Context, m *maildir.Target, d Destination, known uidl.Destination, pending []uidl.Delivery) error {
	var open []uidl.Delivery
	var tickets []deliver.Ticket
	for _, p := range pending {
		if p.Destination == known.Name && p.Ticket != "" {
			open, tickets = append(open, p), append(tickets, deliver.Ticket(p.Ticket))
		}
	}
	at, orphans, err := m.Inspect(ctx, known.Identity, tickets)
	if err != nil {
		return err
	}
	next := "popsync run " + v.account
	for i, where := range at {
		what := fmt.Sprintf("%s: message %s, ", d.Name, uidtext.Arg(open[i].UID))
		switch where {
		case maildir.Waiting:
			v.found(verdict.Temporary, what+"interrupted: it waits in tmp, whole", next+" publishes it")
		case maildir.Visible:
			v.found(verdict.Temporary, what+"interrupted: it was delivered, and the ledger does not say so yet", next+" notes it")
		case maildir.Damaged:
			v.found(verdict.Temporary, what+"interrupted: what waits in tmp is damaged", next+" fetches it again")
		case maildir.Nowhere:
			v.found(verdict.Temporary, what+"interrupted: no file of it is left",
				next+" decides: a young one counts as delivered and moved on, and stays on the server until you say popsync vouch; an old one is fetched again")
		case maildir.Elsewhere:
			v.found(verdict.Config, what+"was being delivered into another Maildir", "make that one available at its old path, then "+next)
		}
	}
	return v.orphans(ctx, d, m, known.Identity, orphans)
}

func (v *verifier) orphans(ctx context.Context, d Destination, m *maildir.Target, remembered string, orphans []maildir.Orphan) error {
	old := 0
	for _, o := range orphans {
		if o.Age > orphanAge {
			old++
		}
	}
	what := fmt.Sprintf("%s: %s in tmp of %s that no delivery speaks of", d.Name, words.Number(old, "file"), d.Path)
	switch {
	case old == 0:
	case !v.Repair:
		v.found(verdict.Temporary, what, "popsync verify --repair removes what is older than 36 hours, as does the next run")
	case v.pending > 0: // another account may have staged it there
		v.found(verdict.Temporary, what, "deliveries are open: first popsync run, then say it again")
	default:
		if _, err := m.Identify(ctx, remembered); err != nil {
			return err
		}
		if err := m.Clean(); err != nil {
			return err
		}
		v.repaired("removed " + what)
	}
	if young := len(orphans) - old; young > 0 {
		v.ok(fmt.Sprintf("%s: %s of unfinished deliveries in tmp, removed by a run once 36 hours old", d.Name, words.Number(young, "file")))
	}
	return nil
}
