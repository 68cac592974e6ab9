package fetcher

import (
	"fmt"
	"slices"

	"github.com/popsync/popsync/fetcher/desk"
	"github.com/popsync/popsync/fetcher/facts"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/uidl"
)

// end is what the ledger has when all is over.
type end struct {
	rows  map[string][]uidl.Message // by UID
	known map[string]uidl.Destination
	open  []uidl.Delivery
}

func (w *world) end() end {
	e := end{map[string][]uidl.Message{}, map[string]uidl.Destination{}, nil}
	for _, m := range w.rows {
		e.rows[m.UID] = append(e.rows[m.UID], m)
	}
	for _, d := range w.known {
		e.known[d.Name] = d
	}
	e.open = w.open
	return e
}

// judge is I1, I2 and I9.
func (w *world) judge() {
	w.look()
	e := w.end()
	for _, l := range w.letters {
		w.judgeLetter(l, e)
	}
	w.judgeCopies()
	if w.m.plain() && !w.m.readers && !w.m.clocks {
		w.judgeCounts()
	}
	for _, r := range e.open {
		d := e.known[r.Destination]
		if r.State != uidl.Owed && !facts.Away(d.Role) {
			w.fail("still open: %+v at %+v", r, d)
		}
	}
}

// judgeLetter: what left the server by popsync's doing is somewhere; what did not is where it should be.
func (w *world) judgeLetter(l *letter, e end) {
	what := fmt.Sprintf("%s (letter %d, group %d)", l.name, l.id, l.group)
	// Our copy waits for a destination that is not configured, until a person says what becomes of it.
	waits := slices.ContainsFunc(e.open, func(r uidl.Delivery) bool { return r.UID == l.name && facts.Away(e.known[r.Destination].Role) })
	if !l.onServer {
		switch {
		case l.lost, w.acc.RetrHides && (waits || w.putAside()):
		case l.name == "" || !l.fits:
			w.fail("%s was deleted although it could not be delivered", what)
		case !w.somewhere(l.group) && !w.vouched[l.group]:
			w.fail("%s is lost", what)
		}
		return
	}
	if !w.eligible(l) {
		return
	}
	rows := e.rows[l.name]
	if len(rows) == 0 {
		w.fail("%s was never dealt with", what)
		return
	}
	whole := true // every required destination has it, and the ledger says so of whatever row it may be
	for _, s := range w.slots {
		if s.role != uidl.Required {
			continue
		}
		d := e.known[s.name]
		place := uidl.PlaceOf(d.Ordinal)
		excused := false
		for _, m := range rows {
			older := m.Generation < d.Since && m.Have.Destinations() != 0
			excused = excused || m.Waived.Has(place) || m.Have.Has(uidl.Unsure|uidl.Seen) || older && d.Rest != uidl.Fetch
			whole = whole && m.Have.Has(place) && m.Generation >= d.Since && m.Generation != uidl.BeforeAll && !m.Have.Has(uidl.Unsure)
			whole = whole && (m.State == uidl.Delivered || m.State == uidl.DeleteSent) && m.NextTry == 0
		}
		if w.have(s, l.group) == 0 && !excused && !w.vouched[l.group] {
			w.fail("%s did not come to %s: %+v, %+v", what, s.name, rows, d)
		}
	}
	for _, m := range rows {
		if m.State == uidl.Held || m.State == uidl.Wanted && !l.shared && !waits {
			w.fail("%s is still open: %+v", what, m)
		}
	}
	if whole && !waits && w.acc.Policy.Delete != plan.DeleteNever && !w.newest(l) && !w.undecided(l) {
		w.fail("%s was delivered and due, and is still on the server: %+v", what, rows)
	}
}

// undecided: of messages with one UID none is deleted while one has nothing in its header to be recognised by; and where
// there are more such than fit into a session, some may never have their turn.
func (w *world) undecided(l *letter) bool {
	shared := 0
	for _, o := range w.letters {
		shared += desk.Count(o.shared && o.onServer)
	}
	if l.shared && shared > w.opt.SessionMessages {
		return true
	}
	for _, o := range w.letters {
		if l.shared && o.name == l.name && (o.weak || fingerprint(o.Data) == (uidl.Fingerprint{}) || !w.eligible(o)) {
			return true
		}
	}
	return false
}
