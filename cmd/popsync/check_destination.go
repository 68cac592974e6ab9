package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/maildir"
	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/uidl"
)

// destinations looks whether mail could be put where an account's goes.
func (l *looker) destinations(ctx context.Context, s *sheet, acc config.Account) {
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
		err := l.destination(ctx, s, acc.Name, now[i], identity)
		s.set(func() {
			switch {
			case ctx.Err() != nil:
			case err != nil:
				s.destinations[i].Result = stepFailed
			case l.offline && d.SMTP != nil:
			default:
				s.destinations[i].Result = stepOK
			}
		})
		if err != nil {
			v := fetcher.Judge(err)
			s.add(finding{Level: levelFail, Part: partDestination, Destination: d.Name, Text: d.Name + ": " + v.Message,
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

// destination looks at one, without putting anything there, and says what it looked at.
func (l *looker) destination(ctx context.Context, s *sheet, account string, d sighted, identity string) error {
	say := func(lv level, text string) {
		s.add(finding{Level: lv, Part: partDestination, Destination: d.Name, Text: text})
	}
	switch {
	case d.SMTP != nil:
		return l.mailServer(ctx, s, account, d, identity, say)
	case d.Command != nil:
		target, err := l.targetOf(l.cfg, account, d.Deliver)
		if err != nil {
			return err
		}
		defer target.Close()
		if err := target.Check(ctx, identity); err != nil {
			return err
		}
		say(levelOK, fmt.Sprintf("%s %s is there and may be run; it was not run", label(d.Deliver), place(d.Deliver)))
		return nil
	}
	target := maildir.New(maildir.Options{Path: d.Path, Outer: outerOf(l.cfg, d.Path)})
	defer target.Close()
	if err := target.Check(ctx, identity); err != nil {
		return err
	}
	say(levelOK, fmt.Sprintf("%s %s %s", label(d.Deliver), d.Path, l.maildirText(d, identity)))
	return nil
}

// label is what a destination is called and what it is.
func label(d config.Deliver) string {
	if d.Name == d.Type {
		return d.Name
	}
	return d.Name + " (" + d.Type + ")"
}

// maildirText says what is at a Maildir's path, after its rights were looked at.
func (l *looker) maildirText(d sighted, identity string) string {
	switch {
	case d.info == nil:
		return "will be made by the first run; the folder above it may be written to"
	case l.blind:
		return "may be written to; whether it is the one that popsync knows was not looked at"
	case identity != "":
		return "is the one that popsync knows, and may be written to"
	case d.identity != "":
		return "is a Maildir that popsync has used before, and may be written to"
	}
	if _, err := os.Lstat(filepath.Join(d.path, "cur")); errors.Is(err, os.ErrNotExist) {
		return "is empty, and the first run makes it a Maildir; it may be written to"
	}
	return "is a Maildir that popsync has not used yet, and may be written to"
}
