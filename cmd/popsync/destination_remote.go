package main

import (
	"path/filepath"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/spool"
	"github.com/popsync/popsync/fetcher"
)

// senderOf builds the Sender of a remote destination, and says where it sends: see spool.Options.
type senderOf func(a *app, cfg *config.Config, account string, d config.Deliver) (_ deliver.Sender, where string, err error)

// remoteType fills in what all remote destinations have in common: copies wait for them in a spool.
func remoteType(t destinationType, sender senderOf) destinationType {
	t.open = func(a *app, cfg *config.Config, account string, d config.Deliver) (target, error) {
		s, where, err := sender(a, cfg, account, d)
		if err != nil {
			return nil, err
		}
		return spoolOf(cfg, account, d, s, where), nil
	}
	t.unasked = t.open
	if t.asks {
		t.unasked = func(a *app, cfg *config.Config, account string, d config.Deliver) (target, error) {
			s, where, err := sender(a, cfg, account, d)
			if err != nil {
				return nil, err
			}
			return spoolOf(cfg, account, d, withoutCheck{s}, where), nil
		}
	}
	t.folder = func(config.Deliver) string { return "" }
	return t
}

// withoutCheck is a Sender that is not looked at.
type withoutCheck struct{ deliver.Sender }

// spoolOf is the Target around a Sender, which sends to where.
func spoolOf(cfg *config.Config, account string, d config.Deliver, sender deliver.Sender, where string) *spool.Target {
	return spool.New(spool.Options{
		Root: spoolRoot(cfg), Where: where, Max: d.SpoolMax, Floor: cfg.Limits.FreeSpace, Account: account, Destination: d.Name, Sender: sender,
	})
}

// spoolRoot is where copies wait for remote destinations, each in a folder of its own.
func spoolRoot(cfg *config.Config) string { return filepath.Join(cfg.StateDir, "spool") }

// leftover opens what waits for a remote destination that is not configured any more.
func leftover(cfg *config.Config) func(identity string) (fetcher.Leftover, error) {
	return func(identity string) (fetcher.Leftover, error) {
		folder, err := spool.OpenFolder(spoolRoot(cfg), identity)
		if err != nil {
			return nil, err
		}
		return folder, nil
	}
}
