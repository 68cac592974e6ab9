package main

import (
	"context"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/internal/places"
)

// placesNow looks at the destinations of an account.
func (a *app) placesNow(ctx context.Context, cfg *config.Config, c config.Account) (all []places.Place) {
	for _, d := range c.Deliver {
		all = append(all, a.placeNow(ctx, cfg, c.Name, d))
	}
	return all
}

func (a *app) placeNow(ctx context.Context, cfg *config.Config, account string, d config.Deliver) places.Place {
	target, err := a.targetOf(cfg, account, d)
	if err != nil {
		return places.Place{Name: d.Name, Err: err}
	}
	defer target.Close()
	return places.Look(ctx, d.Name, target)
}
