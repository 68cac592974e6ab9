package main

import (
	"context"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/checkup"
	"github.com/popsync/popsync/internal/dialer"
	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/internal/places"
	"github.com/popsync/popsync/pop3"
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
			if step := nextstep.Of(err); step != "" { // something on this machine has to be changed
				v.Class, v.Hint = verdict.Config, step
			}
			s.Add(checkup.Finding{Level: checkup.Fail, Part: checkup.PartDestination, Destination: d.Name, Text: d.Name + ": " + v.Message,
				Next: fetcher.HintFor(acc.Name, v.Hint), Class: v.Class})
		}
	}
}

// asked is a server that a destination sends to, as it is needed for a look at it.
type asked struct {
	sender  deliver.Sender
	where   string // it sends to
	network config.Network
	trust   config.Trust
	secret  config.SecretSource
	holder  holder // for a login by OAuth
}

// ask looks first where copies wait and for the password, and has the server looked at then, unless it is not to be asked.
func (l *looker) ask(ctx context.Context, look checking, to asked, server func(way *dialer.Dialer) error) error {
	d, byToken := look.Deliver, to.secret.Kind == config.SecretOAuth
	way, _ := l.wayOf(l.cfg, to.network, to.trust)
	what, worked := l.known.Taught(look.account, d.Name, deliverSetting(l.cfg, d))
	if learner := deliver.LearnerOf(to.sender); learner != nil {
		deliver.Recall(learner, what, worked)
	}
	if err := spoolOf(l.cfg, look.account, d, withoutCheck{to.sender}, to.where).Check(ctx, look.known); err != nil {
		return err
	}
	err := l.secretOf(ctx, look.sheet, to.secret, d.Name+": ", false)
	if byToken {
		err = l.loginBy(l.cfg, to.holder).Check(look.sheet, d.Name+": ")
	}
	switch {
	case err != nil:
		look.say(checkup.Info, label(d)+" "+place(d)+" was not asked: there is no password or token for it")
		return &pop3.SecretError{Err: err, Token: byToken}
	case l.offline:
		return l.unasked(ctx, look, to.trust, to.network)
	}
	return server(way)
}
