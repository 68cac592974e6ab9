package main

import (
	"path/filepath"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/maildir"
	"github.com/popsync/popsync/internal/probe"
)

const typeMaildir = "maildir"

// maildirType is a Maildir on this machine.
func maildirType() destinationType {
	return destinationType{
		name:    typeMaildir,
		open:    openMaildir,
		unasked: openMaildir,
		setting: func(*config.Config, config.Deliver) string { return "" }, // its path tells, and is found out anew in each pass
		place:   func(d config.Deliver) string { return d.Path },
		same:    func(d config.Deliver) string { return d.Type + "\x00" + deliver.Resolve(filepath.Clean(d.Path)) },
		folder:  func(d config.Deliver) string { return filepath.Clean(d.Path) },
		check:   looksAt(maildirText),
	}
}

func openMaildir(_ *app, cfg *config.Config, _ string, d config.Deliver) (target, error) {
	return maildir.New(maildir.Options{Path: d.Path, Trace: d.Trace, Outer: outerOf(cfg, d.Path)}), nil
}

// outerOf is the Maildir of a configuration that a path lies in, right below it; "": in none.
func outerOf(cfg *config.Config, path string) string {
	above := filepath.Dir(filepath.Clean(path))
	for _, c := range cfg.Accounts {
		for _, d := range c.Deliver {
			if d.Type == typeMaildir && filepath.Clean(d.Path) == above { // asked for each Maildir, of all
				return above
			}
		}
	}
	return ""
}

// maildirText says what is at a Maildir's path, after its rights were looked at.
func maildirText(l *looker, look checking) string {
	return probe.MaildirText(look.Place, l.blind, look.known != "")
}
