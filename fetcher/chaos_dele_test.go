package fetcher

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/maildir"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/uidl"
)

// mustBeSafe is I3: at every DELE the ledger has the message as delivered, every required destination that is configured
// has it, and the ledger says that it does, or goes without it as a person or a refusal decided.
func (w *world) mustBeSafe(s *pop3test.Session, num int, m pop3test.Message, tr *trouble) {
	l := w.letterOf(m)
	if l == nil {
		w.fail("DELE %d: no such message", num)
		return
	}
	key := uidl.Key{UID: l.name}
	for i := 1; i < num; i++ {
		if o, ok := s.Message(i); ok && w.letterOf(o).name == l.name {
			key.Dup++
		}
	}
	if w.acc.Policy.Delete == plan.DeleteNever {
		w.fail("DELE of %s although everything is to be kept", l.UID)
	}
	w.mayGo(s, num, l)
	a := tr.ledger.current
	if strings.HasPrefix(key.UID, plan.ContentName) {
		key.Dup = tr.anyOf(s, a, key.UID)
	}
	rows, err := a.Find(context.Background(), []uidl.Key{key})
	if err != nil || len(rows) != 1 || rows[0].State != uidl.Delivered && rows[0].State != uidl.DeleteSent {
		w.fail("DELE of %s: the ledger has %+v for %+v, %v", l.UID, rows, key, err)
		return
	}
	known, err := a.Destinations(context.Background())
	if err != nil {
		w.fail("%v", err)
	}
	w.look()
	equal := func(o *letter) bool { return o != l && o.group == l.group }
	if w.noUIDL && slices.ContainsFunc(w.letters, equal) {
		return // which of the rows is which nobody can tell
	}
	if why := w.unsafe(l, rows[0].Facts, known); why != "" {
		w.fail("DELE of %s (letter %d, group %d, %+v): %s", l.UID, l.id, l.group, rows[0].Facts, why)
	}
	open, err := a.Pending(context.Background())
	for _, r := range open {
		if r.Key == key && (err != nil || !slices.ContainsFunc(known, func(d uidl.Destination) bool {
			return d.Name == r.Destination && (d.Role == uidl.Optional || d.Role == uidl.WasOptional)
		})) {
			w.fail("DELE of %s: a delivery is open: %+v, %v", l.UID, r, err)
		}
	}
}

// unsafe tells why a message must not be deleted.
func (w *world) unsafe(l *letter, f uidl.Facts, known []uidl.Destination) string {
	if f.Have.Has(uidl.Unsure | uidl.Seen) {
		return "the ledger is not sure of it"
	}
	some := false
	for _, s := range w.slots {
		n := w.have(s, l.group)
		some = some || n > 0
		if s.role != uidl.Required {
			continue
		}
		at := slices.IndexFunc(known, func(d uidl.Destination) bool { return d.Name == s.name })
		if at < 0 {
			return "the ledger does not know " + s.name
		}
		d := known[at]
		place := uidl.PlaceOf(d.Ordinal)
		switch {
		case f.Waived.Has(place), d.Rest == uidl.Without && f.Generation < d.Since:
		case !f.Have.Has(place):
			return fmt.Sprintf("nothing says that %s has it: %+v", s.name, d)
		case n == 0 && !w.vouched[l.group]:
			return s.name + " does not have it"
		}
	}
	if !some && !w.vouched[l.group] {
		return "no destination that is configured has it"
	}
	return ""
}

// anyOf is for messages that only their content names: equal ones are counted as they are read, so that the ledger's rows
// are no particular message's. It finds one that is delivered, for which this session has not deleted any message yet.
func (tr *trouble) anyOf(s *pop3test.Session, a uidl.Account, name string) (dup int) {
	if tr.used == nil {
		tr.used = map[*pop3test.Session]map[int]bool{}
	}
	if tr.used[s] == nil {
		tr.used[s] = map[int]bool{}
	}
	open, _ := a.Pending(context.Background())
	for dup := range 40 { // more than a history has messages
		key := uidl.Key{UID: name, Dup: dup}
		rows, _ := a.Find(context.Background(), []uidl.Key{key})
		if len(rows) == 0 { // purged
			continue
		}
		done := rows[0].State == uidl.Delivered || rows[0].State == uidl.DeleteSent
		if done && !tr.used[s][dup] && !slices.ContainsFunc(open, func(r uidl.Delivery) bool { return r.Key == key }) {
			tr.used[s][dup] = true
			return dup
		}
	}
	return 0
}

// factsAreTrue: what the ledger says that a place has, that place has, or had before its reader took it. Of a place that is
// not there now, nothing is asked.
func (w *world) factsAreTrue() {
	truth := map[uidl.Places]*slot{}
	for _, s := range w.slots {
		if d, ok := w.destination(s.name); ok && w.shows(s, d.Identity) {
			truth[uidl.PlaceOf(d.Ordinal)] = s
		}
	}
	for _, row := range w.rows {
		if row.Have.Has(uidl.Unsure) || strings.HasPrefix(row.UID, plan.FormerName) {
			continue
		}
		groups := w.groupsOf(row.UID)
		for place, s := range truth {
			if row.Have.Has(place) && !slices.ContainsFunc(groups, func(g int) bool { return w.have(s, g) > 0 || w.vouched[g] }) {
				w.fail("the ledger says that %s has %s, which it never had: %+v", s.name, row.UID, row)
			}
		}
	}
}

// shows tells whether a slot is the place of an identity now.
func (w *world) shows(s *slot, identity string) bool {
	var id string
	if s.remote != nil {
		id, _ = s.remote.Reopen().Recognise(context.Background())
	} else {
		id, _ = maildir.New(maildir.Options{Path: s.path}).Recognise(context.Background())
	}
	return deliver.SamePlace(id, identity)
}
