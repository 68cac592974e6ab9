package fetcher

import (
	"context"
	"path/filepath"
	"slices"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/maildir"
	"github.com/popsync/popsync/fetcher/facts"
	"github.com/popsync/popsync/uidl"
)

// foresee tells what the next pass must do.
func (w *world) foresee() (o outlook) {
	o.refetches = w.forget()
	o.refuse = w.mustRefuse()
	o.had = w.stock()
	return o
}

// forget finds published mail of an interrupted batch that its reader removed, and that popsync may fetch again because
// nothing can show any more that it was there (ARCHITECTURE.md, 'nowhere'): the one documented duplicate. What a later
// ticket of the batch is visible after was there beyond doubt, and is not counted.
func (w *world) forget() (n int) {
	var there, shown map[string]bool
	after := map[string]int{} // by destination: how many without a trace come after the last that is visible
	for _, r := range w.tickets() {
		if r.State != uidl.Publishing {
			continue
		}
		base := baseOf(r.Ticket)
		if there == nil {
			there, shown = map[string]bool{}, map[string]bool{}
			for _, b := range w.boxes {
				for _, sub := range append(b.subs(), "tmp") {
					names, _ := readNames(filepath.Join(b.dir, sub))
					for _, f := range names {
						there[nameBase(f)] = true
						shown[nameBase(f)] = shown[nameBase(f)] || sub == "new" || sub == "cur"
					}
				}
			}
		}
		if there[base] {
			if shown[base] {
				after[r.Destination] = 0
			}
			continue
		}
		for _, b := range w.boxes {
			if g, seen := b.files[base]; seen {
				if b.twice[base] = g; b.home == "" {
					after[r.Destination]++
				}
				w.logf("no trace of %s (%s) any more", base, r.UID)
			}
		}
	}
	for _, missing := range after {
		n += missing
	}
	return n
}

// mustRefuse tells why the next pass must deliver nothing: a path at which the ledger knows a Maildir does not show it.
func (w *world) mustRefuse() (why string) {
	if w.steady {
		return ""
	}
	ids, err := w.ledger.Identities(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	if w.adopt {
		return ""
	}
	shown := map[string]string{} // by path: what is there
	for _, s := range w.slots {
		if s.remote == nil {
			shown[s.path], _ = maildir.New(maildir.Options{Path: s.path}).Recognise(context.Background())
		}
	}
	for path, id := range shown {
		if id == "" && slices.ContainsFunc(ids, func(id string) bool { return deliver.PathOf(id) == path }) {
			why = filepath.Base(path) + ", where a Maildir was known, has none"
		}
		for _, d := range w.known {
			if deliver.PathOf(d.Identity) != path || facts.Away(d.Role) {
				continue
			}
			found := false
			for _, other := range shown {
				found = found || deliver.SamePlace(other, d.Identity)
			}
			if !found {
				why = filepath.Base(path) + ", which is configured, has another Maildir than the ledger knows"
			}
		}
	}
	return why
}
