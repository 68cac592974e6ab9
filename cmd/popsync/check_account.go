package main

import (
	"context"
	"time"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/checkup"
)

// account looks at one account. prompt gives its password if a person was asked for it.
func (l *looker) account(ctx context.Context, s *checkup.Sheet, acc config.Account, prompt func(context.Context) (string, error)) {
	if k := l.known; k != nil && k.held[acc.Name] != nil { // its name is taken
		text, hint := apart(k.held[acc.Name])
		s.Fail(checkup.PartLedger, verdict.Config, text, hint)
	}
	l.oddities(s, acc)
	l.destinations(ctx, s, acc)
	l.secret(ctx, s, acc)
	if l.offline {
		s.Info(checkup.PartServer, "the server, the login and the mail there were not looked at (--offline)")
	} else {
		l.server(ctx, s, acc, prompt)
	}
	l.learned(s, acc)
	if _, ok := alarmMaildir(l.cfg, acc.Name); acc.Alarm && !ok && len(l.cfg.Alarm.Command) == 0 && l.cfg.Alarm.Webhook.Reveal() == "" {
		s.Note(checkup.PartAlarm, nobodyTold, nobodyToldNext)
	}
}

const (
	nobodyTold     = "nobody is told when it needs a person: it has no Maildir for alarms, and [alarm] names no command and no webhook"
	nobodyToldNext = "set alarm.command or alarm.webhook; or alarm = false for the account, if nobody is to be told"
)

// learned tells what passes have learned of an account's server.
func (l *looker) learned(s *checkup.Sheet, acc config.Account) {
	if l.known == nil {
		return
	}
	as := health.Spoken{Mailbox: mailboxOf(acc), IgnoreSizes: acc.Sizes == config.SizesIgnore, NoPipelining: !acc.Pipelining}
	for _, trait := range health.Learned(l.known.facts[acc.Name], as, time.Now()) {
		if trait.Odd {
			s.Note(checkup.PartLearned, trait.Text, "")
		} else {
			s.Info(checkup.PartLearned, trait.Text)
		}
	}
}
