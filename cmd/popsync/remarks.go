package main

import (
	"context"

	"go.uber.org/zap"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/internal/places"
	"github.com/popsync/popsync/internal/remarks"
)

// remarks compares all accounts of a configuration with each other.
func (a *app) remarks(ctx context.Context, cfg *config.Config) []remarks.Remark {
	var all []remarks.Account
	for _, c := range cfg.Accounts {
		acc := remarks.Account{Name: c.Name, Host: c.Host, Port: c.Port, Username: c.Username, Deletes: c.Delete.Kind != config.DeleteNever}
		for _, d := range c.Deliver {
			acc.Places = append(acc.Places, remarks.Place{
				Text: place(d), Same: typeOf(d).same(d), Fallback: d.Fallback, Folder: folderOf(d),
				Look: func(ctx context.Context) places.Place { return a.placeNow(ctx, cfg, c.Name, d) },
			})
		}
		all = append(all, acc)
	}
	return remarks.Of(ctx, all)
}

// logRemarks writes those that are about accounts into the log.
func (a *app) logRemarks(ctx context.Context, cfg *config.Config, accounts []config.Account, log *zap.Logger) {
	remarks.Log(log, a.remarks(ctx, cfg), accountNames(accounts))
}
