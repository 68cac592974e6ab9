package main

import (
	"context"
	"fmt"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/internal/checkup"
	"github.com/popsync/popsync/internal/places"
)

// destinationType is all that this program knows of one type of destination. The configuration knows the same types, and each
// has every function: TestDestinationTypes.
type destinationType struct {
	name string // as it is configured
	asks bool   // its check asks a server, which --offline does not

	// open gives what the fetcher takes; it reads the CA file and nothing else. unasked gives the same for whoever asks no
	// server: its Check looks only at what is on this machine.
	open, unasked func(a *app, cfg *config.Config, account string, d config.Deliver) (target, error)
	// setting identifies how it is reached: see deliverSetting.
	setting func(cfg *config.Config, d config.Deliver) string
	// place names where it is, for people.
	place func(d config.Deliver) string
	// same is equal for destinations that bring mail to one place, whatever else is set for them.
	same func(d config.Deliver) string
	// folder is the Maildir that its mail lies in on this machine; "": in none. Only such a one takes alarms and has notes.
	folder func(d config.Deliver) string
	// check looks whether mail could be put there, puts nothing there, and says what it looked at.
	check func(ctx context.Context, l *looker, look checking) error
}

// checking is a look at one destination.
type checking struct {
	places.Place
	config.Deliver
	sheet   *checkup.Sheet
	account string
	known   string // its identity by the ledger; "": it has none
}

// say notes what was found.
func (c checking) say(lv checkup.Level, text string) {
	c.sheet.Add(checkup.Finding{Level: lv, Part: checkup.PartDestination, Destination: c.Deliver.Name, Text: text})
}

// destinationTypes are all there are.
func destinationTypes() []destinationType {
	return []destinationType{maildirType(), mailServerType("smtp"), mailServerType("lmtp"), commandType(), imapType(), mboxType(), gmailType()}
}

// typeOf is the type of a destination.
func typeOf(d config.Deliver) destinationType {
	for _, t := range destinationTypes() {
		if t.name == d.Type {
			return t
		}
	}
	panic(fmt.Sprintf("destination %s: type %q is not known", d.Name, d.Type)) // the configuration lets no other pass
}

// target is a destination that can also be looked at without changing anything.
type target interface {
	deliver.Target
	deliver.Checker
}

// targetOf turns a destination's configuration into what the fetcher takes. It reads the CA file and nothing else.
func (a *app) targetOf(cfg *config.Config, account string, d config.Deliver) (target, error) {
	t, err := typeOf(d).open(a, cfg, account, d)
	if err != nil {
		return nil, fmt.Errorf("destination %s: %w", d.Name, err)
	}
	return t, nil
}

// unaskedOf is targetOf for whoever asks no server: its Check looks only at what is on this machine.
func (a *app) unaskedOf(cfg *config.Config, account string, d config.Deliver) (target, error) {
	t, err := typeOf(d).unasked(a, cfg, account, d)
	if err != nil {
		return nil, fmt.Errorf("destination %s: %w", d.Name, err)
	}
	return t, nil
}

// place names a destination's place, for people.
func place(d config.Deliver) string { return typeOf(d).place(d) }

// label is what a destination is called and what it is.
func label(d config.Deliver) string {
	if d.Name == d.Type {
		return d.Name
	}
	return d.Name + " (" + d.Type + ")"
}

// folderOf is the Maildir that a destination's mail lies in on this machine; "": in none.
func folderOf(d config.Deliver) string { return typeOf(d).folder(d) }

// looksAt is the check of a type that asks no server: its Target looks, then text says what there is.
func looksAt(text func(l *looker, look checking) string) func(context.Context, *looker, checking) error {
	return func(ctx context.Context, l *looker, look checking) error {
		t, err := l.targetOf(l.cfg, look.account, look.Deliver)
		if err != nil {
			return err
		}
		defer t.Close()
		if err := t.Check(ctx, look.known); err != nil {
			return err
		}
		look.say(checkup.OK, fmt.Sprintf("%s %s %s", label(look.Deliver), place(look.Deliver), text(l, look)))
		return nil
	}
}
