package decisions

import (
	"context"

	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/places"
	"github.com/popsync/popsync/uidl"
)

// facts are what is known of an account's listed messages, for a person who is about to decide about them.
type facts struct {
	known        bool // the ledger knows the account
	destinations []uidl.Destination
	unsure       int         // nobody saw them safe
	upgraded     int         // delivered by schema 1, to a destination that is not configured now or came back since
	before       map[int]int // by ordinal of a required destination: those it lacks and need not have
}

// factsOf reads all rows of an account. Its errors have their exit codes.
func factsOf(ctx context.Context, ledger uidl.Ledger, name string) (t facts, err error) {
	l, err := ledger.Acquire(ctx, name)
	if err != nil {
		return t, exit.Judged(err)
	}
	defer l.Close()
	if t.known = l.Info().Epoch != 0; !t.known {
		return t, nil
	}
	if t.destinations, err = l.Destinations(ctx); err != nil {
		return t, exit.Judged(err)
	}
	t.before = map[int]int{}
	for row, err := range l.Messages(ctx) {
		if err != nil {
			return t, exit.Judged(err)
		}
		if row.GoneAt == 0 {
			t.add(row)
		}
	}
	return t, nil
}

func (t *facts) add(r uidl.Row) {
	if r.Have.Unproven() {
		t.unsure++
	}
	if r.Have.Destinations() == 0 || r.Have.Has(uidl.Seen) {
		return
	}
	upgraded := false
	for _, d := range t.destinations {
		legacy := d.Born == 0 && r.Have.Has(uidl.Legacy)
		upgraded = upgraded || legacy && (d.Role == uidl.NotConfigured || d.Role == uidl.Required && d.Since != 0 && !r.Have.Has(uidl.PlaceOf(d.Ordinal)))
		if d.Role != uidl.Required || (r.Have | r.Waived).Has(uidl.PlaceOf(d.Ordinal)) || legacy && d.Since == 0 {
			continue
		}
		if r.Generation < d.Since {
			t.before[d.Ordinal]++
		}
	}
	if upgraded {
		t.upgraded++
	}
}

// destination is a destination of the account that was configured in the last run.
func (t *facts) destination(name string) (uidl.Destination, bool) {
	for _, d := range t.destinations {
		if d.Name == name && !places.Away(d.Role) {
			return d, true
		}
	}
	return uidl.Destination{}, false
}
