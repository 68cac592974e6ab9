package main

import (
	"context"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/checkup"
	"github.com/popsync/popsync/internal/places"
)

// destinations looks whether mail could be put where an account's goes.
func (l *looker) destinations(ctx context.Context, s *checkup.Sheet, acc config.Account) {
	now := l.placesNow(ctx, l.cfg, acc)
	known := l.known.Of(acc.Name)
	of := places.Known(known, now)
	for i, d := range acc.Deliver {
		identity := ""
		switch {
		case of[i] >= 0:
			identity = known[of[i]].Identity
		case now[i].Err == nil:
			identity = places.Missed(known, of, now[i], l.known.Elsewhere())
		}
		t := typeOf(d)
		err := t.check(ctx, l, checking{now[i], d, s, acc.Name, identity})
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
