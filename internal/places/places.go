// Package places tells which of the destinations that the ledger knows each configured one is, by what is found there and by
// the rules of the next run, before there is such a run. It looks and changes nothing.
//
// Commands call it that show, check or decide something about an account's destinations. The room knows no configuration: who
// calls it opens the destinations and closes them.
package places

import (
	"context"
	"os"
	"slices"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/uidl"
)

// Place is a configured destination as it is found.
type Place struct {
	Name     string      // of the destination
	Identity string      // "": nothing tells yet
	Path     string      // of a Maildir, absolute as it was configured; "" of other kinds
	Info     os.FileInfo // of it; nil: nothing is there
	Err      error       // it cannot be looked at
}

// Look finds out what is at a destination.
func Look(ctx context.Context, name string, target deliver.Target) Place {
	p := Place{Name: name}
	p.Identity, p.Err = target.Recognise(ctx)
	if l := deliver.AbilitiesOf(target).Located; l != nil {
		p.Path, p.Info = l.Locate()
	}
	return p
}

// Known is which of the destinations that the ledger knows each configured one is, or -1, by the rules of the next run:
// the same place under the same name, then under another, then another remote place under the same name.
func Known(known []uidl.Destination, now []Place) []int {
	of := make([]int, len(now))
	for i := range of {
		of[i] = -1
	}
	for _, is := range []func(p *Place, d *uidl.Destination) bool{
		func(p *Place, d *uidl.Destination) bool {
			return d.Name == p.Name && deliver.SamePlace(d.Identity, p.Identity)
		},
		func(p *Place, d *uidl.Destination) bool { return deliver.SamePlace(d.Identity, p.Identity) },
		func(p *Place, d *uidl.Destination) bool {
			return d.Name == p.Name && p.Path == "" && d.Identity != "" && deliver.PathOf(d.Identity) == ""
		},
	} {
		for i := range now {
			if of[i] >= 0 {
				continue
			}
			for k := range known {
				if is(&now[i], &known[k]) && !slices.Contains(of, k) && (of[i] < 0 || Away(known[of[i]].Role) && !Away(known[k].Role)) {
					of[i] = k
				}
			}
		}
	}
	return of
}

// Missed is the identity of a Maildir that is known at a path where another one is, or none; "": none is known there. of is
// what Known says, elsewhere are the identities of the destinations of all accounts.
func Missed(known []uidl.Destination, of []int, p Place, elsewhere []string) string {
	if p.Path == "" {
		return ""
	}
	if i := knownAt(known, of, p); i >= 0 {
		return known[i].Identity
	}
	if p.Identity == "" {
		for _, id := range elsewhere {
			if Path(id) == deliver.Resolve(p.Path) {
				return id
			}
		}
	}
	return ""
}

// knownAt is the known destination at a Maildir's path for whose sake the next run would refuse what is there; -1: none.
func knownAt(known []uidl.Destination, of []int, p Place) int {
	for k, d := range known {
		if at := Path(d.Identity); at != "" && at == deliver.Resolve(p.Path) && !slices.Contains(of, k) && (!Away(d.Role) || p.Identity == "") {
			return k
		}
	}
	return -1
}

// Away tells whether a destination was not configured in the last run.
func Away(r uidl.Role) bool { return r == uidl.NotConfigured || r == uidl.WasOptional }

// Path is where the ledger knows a Maildir to be, by its identity, with all links followed; "" for other kinds.
func Path(identity string) string { return deliver.Resolve(deliver.PathOf(identity)) }
