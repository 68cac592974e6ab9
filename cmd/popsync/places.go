package main

import (
	"context"
	"os"
	"slices"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/uidl"
)

// sighted is a configured destination as it is found, without a change to anything.
type sighted struct {
	config.Deliver
	identity string      // "": nothing tells yet
	path     string      // of a Maildir, absolute as it was configured; "" of other kinds
	info     os.FileInfo // of it; nil: nothing is there
	err      error       // it cannot be looked at
}

// sight looks at the destinations of an account.
func (a *app) sight(ctx context.Context, cfg *config.Config, c config.Account) (all []sighted) {
	for _, d := range c.Deliver {
		all = append(all, a.sightOf(ctx, cfg, c.Name, d))
	}
	return all
}

func (a *app) sightOf(ctx context.Context, cfg *config.Config, account string, d config.Deliver) sighted {
	s := sighted{Deliver: d}
	target, err := a.targetOf(cfg, account, d)
	if err != nil {
		s.err = err
		return s
	}
	defer target.Close()
	s.identity, s.err = target.Recognise(ctx)
	if l := deliver.AbilitiesOf(target).Located; l != nil {
		s.path, s.info = l.Locate()
	}
	return s
}

// knownOf is which of the destinations that the ledger knows each configured one is, or -1, by the rules of the next run:
// the same place under the same name, then under another, then another remote place under the same name.
func knownOf(known []uidl.Destination, now []sighted) []int {
	of := make([]int, len(now))
	for i := range of {
		of[i] = -1
	}
	for _, is := range []func(s *sighted, d *uidl.Destination) bool{
		func(s *sighted, d *uidl.Destination) bool {
			return d.Name == s.Name && deliver.SamePlace(d.Identity, s.identity)
		},
		func(s *sighted, d *uidl.Destination) bool { return deliver.SamePlace(d.Identity, s.identity) },
		func(s *sighted, d *uidl.Destination) bool {
			return d.Name == s.Name && s.path == "" && d.Identity != "" && deliver.PathOf(d.Identity) == ""
		},
	} {
		for i := range now {
			if of[i] >= 0 {
				continue
			}
			for k := range known {
				if is(&now[i], &known[k]) && !slices.Contains(of, k) && (of[i] < 0 || away(known[of[i]].Role) && !away(known[k].Role)) {
					of[i] = k
				}
			}
		}
	}
	return of
}

// away tells whether a destination was not configured in the last run.
func away(r uidl.Role) bool { return r == uidl.NotConfigured || r == uidl.WasOptional }

// optional tells whether a known destination was not required when it was last configured.
func optional(known []uidl.Destination, name string) bool {
	return slices.ContainsFunc(known, func(d uidl.Destination) bool {
		return d.Name == name && (d.Role == uidl.Optional || d.Role == uidl.WasOptional)
	})
}

// staying are the names of known destinations that are configured. adopted: a Maildir that popsync does not know is
// accepted where another was known; else the next run refuses it, and the known one is only not there.
func staying(known []uidl.Destination, now []sighted, adopted bool) map[string]bool {
	stays := map[string]bool{}
	for i, k := range knownOf(known, now) {
		if k >= 0 {
			stays[known[k].Name] = true
			continue
		}
		for _, d := range known {
			here := now[i].path != "" && at(d) == deliver.Resolve(now[i].path)
			if here && !adopted || now[i].err != nil && (here || d.Name == now[i].Name) {
				stays[d.Name] = true
			}
		}
	}
	return stays
}

// at is where the ledger knows a Maildir to be, with all links followed; "" for other kinds.
func at(d uidl.Destination) string { return pathIn(d.Identity) }

func pathIn(identity string) string { return deliver.Resolve(deliver.PathOf(identity)) }

// openElsewhere are the destinations that something is open for and that do not stay, by name, with how much is open.
func openElsewhere(stays map[string]bool, pending []uidl.Delivery) (names []string, open map[string]int) {
	open = map[string]int{}
	for _, d := range pending {
		if stays[d.Destination] {
			continue
		}
		if open[d.Destination]++; open[d.Destination] == 1 {
			names = append(names, d.Destination)
		}
	}
	slices.Sort(names)
	return names, open
}
