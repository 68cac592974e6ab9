package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/checkup"
	"github.com/popsync/popsync/internal/names"
	"github.com/popsync/popsync/internal/notify"
	"github.com/popsync/popsync/internal/safepath"
	"github.com/popsync/popsync/schedule"
	"github.com/popsync/popsync/uidl"
)

// checkAlarm sends a test alarm in each way in which people are told of accounts: into each account's own Maildir, and once by
// what all accounts share. Real alarms go the same ways.
func (a *app) checkAlarm(ctx context.Context, args []string, o checkOptions) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	accounts, err := pick(cfg, args)
	if err != nil {
		return err
	}
	var ledger uidl.Ledger = names.Empty{}
	if hasLedger(cfg) {
		k, err := openKnown(ctx, cfg)
		if err != nil {
			return err
		}
		defer k.Close()
		ledger = k
	}
	al, err := newAlarms(cfg, ledger, zap.NewNop())
	if err != nil {
		return &exitError{exitConfig, err}
	}
	return a.present(ctx, checkup.Begin(ctx, al.trial(ctx, accounts)), o, func() {})
}

// trial sends the test alarms, those that are shared first, and tells what became of them.
func (al *alarms) trial(ctx context.Context, accounts []config.Account) checkup.Look {
	look := checkup.Look{General: func(s *checkup.Sheet) { al.trialOfShared(ctx, s, accounts) }, Parallel: trials.Parallel}
	for _, acc := range accounts {
		look.Accounts = append(look.Accounts, checkup.Account{
			Name: acc.Name, Look: func(ctx context.Context, s *checkup.Sheet) { al.trialOf(ctx, s, acc) },
		})
	}
	return look
}

// trials is how many test alarms are sent at once. None gives its place to others.
var trials = schedule.Options{Parallel: 8, SlowAfter: 1000 * time.Hour}

// trialOfShared tests the ways that all accounts share, once, in the name of the first that has alarms.
func (al *alarms) trialOfShared(ctx context.Context, s *checkup.Sheet, accounts []config.Account) {
	i := slices.IndexFunc(accounts, func(acc config.Account) bool { return acc.Alarm })
	var jobs []schedule.Job
	if i >= 0 {
		for _, c := range al.shared {
			jobs = append(jobs, schedule.Job{Run: func(ctx context.Context) error {
				al.try(ctx, s, c, accounts[i].Name, al.words(c)+", for all accounts")
				return nil
			}})
		}
	}
	schedule.Parallel(ctx, trials, jobs)
	if len(al.shared) == 0 {
		s.Info(checkup.PartAlarm, "there is no alarm.command and no alarm.webhook")
	}
	if i < 0 {
		s.Fail(checkup.PartAlarm, verdict.Config, "alarm = false for every account that was asked for: nobody is told of them, so nothing was sent", "remove alarm = false, or name another account")
	}
}

// trialOf tests the ways that are an account's own.
func (al *alarms) trialOf(ctx context.Context, s *checkup.Sheet, acc config.Account) {
	if !acc.Alarm {
		s.Info(checkup.PartAlarm, "alarm = false: nobody is told of it, so nothing was sent")
		return
	}
	d, ok := alarmMaildir(al.cfg, acc.Name)
	switch {
	case ok:
		al.try(ctx, s, al.maildir, acc.Name, "maildir "+d.Path)
	case len(al.shared) == 0:
		s.Fail(checkup.PartAlarm, verdict.Config, nobodyTold, nobodyToldNext)
	case al.cfg.Alarm.Maildir:
		s.Info(checkup.PartAlarm, "it has no Maildir, so it is told of in the ways above")
	default:
		s.Info(checkup.PartAlarm, "alarm.maildir = false, so it is told of in the ways above")
	}
}

// try sends one test alarm; way is what it goes by, for people.
func (al *alarms) try(ctx context.Context, s *checkup.Sheet, c notify.Channel, account, way string) {
	err := notify.Deliver(ctx, c, notify.NewTest(account, "", time.Now()))
	if err == nil {
		s.OK(checkup.PartAlarm, way+": "+arrived[c.Name()])
		return
	}
	class, text, next := trialVerdict(err)
	s.Fail(checkup.PartAlarm, class, way+": the test alarm did not arrive: "+text, fetcher.HintFor(account, next))
}

// arrived is what is known of an alarm that was taken, by the name of its channel.
var arrived = map[string]string{
	"maildir": "the test alarm is in new/",
	"command": "it took the test alarm and ended well",
	"webhook": "it took the test alarm",
}

// words name a shared way.
func (al *alarms) words(c notify.Channel) string {
	if c.Name() == "command" {
		return "command " + al.cfg.Alarm.Command[0]
	}
	return "webhook"
}

// trialVerdict tells what it means that a test alarm did not arrive.
func trialVerdict(err error) (class verdict.Class, text, next string) {
	var sent *notify.SendError
	var target *deliver.Error
	_, fault := errors.AsType[*safepath.Error](err)
	switch {
	case errors.As(err, &target):
		v := verdict.Of(err)
		return v.Class, v.Message, v.Hint
	case fault, errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission), errors.Is(err, safepath.ErrNotExecutable):
		return verdict.Config, err.Error(), alarmCommandHint(err)
	case errors.As(err, &sent) && sent.Permanent:
		return verdict.Config, err.Error(), "correct alarm.webhook: a real alarm would be given up, too"
	}
	return verdict.Temporary, fmt.Sprint(err), "mend what it says, then say it again; a real alarm would be tried again for a day"
}
