package main

import (
	"context"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/checkup"
	"github.com/popsync/popsync/uidl"
)

// destinations looks whether mail could be put where an account's goes.
func (l *looker) destinations(ctx context.Context, s *checkup.Sheet, acc config.Account) {
	now := l.sight(ctx, l.cfg, acc)
	known := l.known.of(acc.Name)
	of := knownOf(known, now)
	for i, d := range acc.Deliver {
		identity := ""
		switch {
		case of[i] >= 0:
			identity = known[of[i]].Identity
		case now[i].err == nil:
			identity = missedAt(known, of, now[i], l.known)
		}
		t := typeOf(d)
		err := t.check(ctx, l, checking{now[i], s, acc.Name, identity})
		switch {
		case ctx.Err() != nil:
		case err != nil:
			s.SetDestination(i, checkup.StepFailed)
		case l.offline && t.asks:
		default:
			s.SetDestination(i, checkup.StepOK)
		}
		if err != nil {
			v := verdict.Of(err)
			s.Add(checkup.Finding{Level: checkup.Fail, Part: checkup.PartDestination, Destination: d.Name, Text: d.Name + ": " + v.Message,
				Next: fetcher.HintFor(acc.Name, v.Hint), Class: v.Class})
		}
	}
}

// missedAt is the identity of a Maildir that is known at a path where another one is, or none; "": none is known there.
func missedAt(known []uidl.Destination, of []int, s sighted, k *knowledge) string {
	if s.path == "" {
		return ""
	}
	if i := knownAt(known, of, s); i >= 0 {
		return known[i].Identity
	}
	if s.identity == "" && k != nil {
		for _, id := range k.elsewhere {
			if pathIn(id) == deliver.Resolve(s.path) {
				return id
			}
		}
	}
	return ""
}
