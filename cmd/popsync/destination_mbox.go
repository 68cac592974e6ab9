package main

import (
	"context"
	"fmt"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/mbox"
	"github.com/popsync/popsync/internal/checkup"
	"github.com/popsync/popsync/internal/words"
)

// mboxType is a mailbox file on this machine.
func mboxType() destinationType {
	return remoteType(destinationType{
		name:    "mbox",
		setting: func(_ *config.Config, d config.Deliver) string { return digest(d.Type, d.Mbox.Path, d.Mbox.Lock) },
		place:   func(d config.Deliver) string { return d.Mbox.Path },
		same:    func(d config.Deliver) string { return d.Type + "\x00" + deliver.Resolve(d.Mbox.Path) },
		check:   checkMbox,
	}, func(_ *app, _ *config.Config, _ string, d config.Deliver) (deliver.Sender, string, error) {
		sender, where, err := mboxSender(d)
		if err != nil {
			return nil, "", err // no Sender, not one that is nil
		}
		return sender, where, nil
	})
}

func mboxSender(d config.Deliver) (_ *mbox.Sender, where string, err error) {
	o := mbox.Options{Path: d.Mbox.Path, Lock: mbox.Lock(d.Mbox.Lock), Trace: d.Trace}
	sender, err := mbox.New(o)
	return sender, o.Where(), err
}

// checkMbox looks where copies wait, then at the mailbox.
func checkMbox(ctx context.Context, l *looker, look checking) error {
	d := look.Deliver
	sender, where, err := mboxSender(d)
	if err != nil {
		return fmt.Errorf("destination %s: %w", d.Name, err)
	}
	copies := spoolOf(l.cfg, look.account, d, sender, where)
	defer copies.Close()
	if err := copies.Check(ctx, look.known); err != nil {
		return err
	}
	is := "is not there, and the first run makes it"
	if size := sender.Size(); size >= 0 {
		is = "has " + words.Octets(size) + " and can be written"
	}
	look.say(checkup.OK, fmt.Sprintf("%s %s %s; it is locked by %s; nothing was written", label(d), place(d), is, lockedBy(mbox.Lock(d.Mbox.Lock))))
	return nil
}

// lockedBy words how a mailbox is locked.
func lockedBy(how mbox.Lock) string {
	switch how {
	case mbox.Fcntl:
		return "fcntl"
	case mbox.DotLock:
		return "a .lock file"
	}
	return "fcntl and a .lock file"
}
