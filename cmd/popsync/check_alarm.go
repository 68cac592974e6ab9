package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"go.uber.org/zap"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/fetcher"
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
	sheets := []*sheet{newSheet(ctx, "", nil)}
	for _, acc := range accounts {
		sheets = append(sheets, newSheet(ctx, acc.Name, nil))
	}
	go al.trial(ctx, sheets, accounts)
	return a.present(ctx, sheets, o, func() {})
}

// trial sends the test alarms, those that are shared first, and tells what became of them.
func (al *alarms) trial(ctx context.Context, sheets []*sheet, accounts []config.Account) {
	general, sheets := sheets[0], sheets[1:]
	general.begin()
	told := 0
	for _, acc := range accounts {
		if acc.Alarm {
			told++
		}
	}
	var jobs []schedule.Job
	if told > 0 {
		first := accounts[0]
		for _, acc := range accounts {
			if acc.Alarm {
				first = acc
				break
			}
		}
		for _, c := range al.shared {
			jobs = append(jobs, schedule.Job{Run: func(ctx context.Context) error {
				al.try(ctx, general, c, first.Name, al.words(c)+", for all accounts")
				return nil
			}})
		}
	}
	schedule.Parallel(ctx, trials, jobs)
	if len(al.shared) == 0 {
		general.info(partAlarm, "there is no alarm.command and no alarm.webhook")
	}
	if told == 0 {
		general.fail(partAlarm, fetcher.Config, "alarm = false for every account that was asked for: nobody is told of them, so nothing was sent", "remove alarm = false, or name another account")
	}
	general.end()
	jobs = nil
	for i, acc := range accounts {
		s := sheets[i]
		jobs = append(jobs, schedule.Job{Run: func(ctx context.Context) error {
			s.begin()
			defer s.end()
			al.trialOf(ctx, s, acc)
			return nil
		}})
	}
	schedule.Parallel(ctx, trials, jobs)
	for _, s := range sheets {
		select {
		case <-s.ended:
		default:
			s.end()
		}
	}
}

// trials is how many test alarms are sent at once.
var trials = schedule.Options{Parallel: 8, SlowAfter: neverMoved}

// trialOf tests the ways that are an account's own.
func (al *alarms) trialOf(ctx context.Context, s *sheet, acc config.Account) {
	if !acc.Alarm {
		s.info(partAlarm, "alarm = false: nobody is told of it, so nothing was sent")
		return
	}
	d, ok := alarmMaildir(al.cfg, acc.Name)
	switch {
	case ok:
		al.try(ctx, s, al.maildir, acc.Name, "maildir "+d.Path)
	case len(al.shared) == 0:
		s.fail(partAlarm, fetcher.Config, nobodyTold, nobodyToldNext)
	case al.cfg.Alarm.Maildir:
		s.info(partAlarm, "it has no Maildir, so it is told of in the ways above")
	default:
		s.info(partAlarm, "alarm.maildir = false, so it is told of in the ways above")
	}
}

// try sends one test alarm; way is what it goes by, for people.
func (al *alarms) try(ctx context.Context, s *sheet, c notify.Channel, account, way string) {
	err := notify.Deliver(ctx, c, notify.NewTest(account, "", time.Now()))
	if err == nil {
		s.ok(partAlarm, way+": "+arrived[c.Name()])
		return
	}
	class, text, next := trialVerdict(err)
	s.fail(partAlarm, class, way+": the test alarm did not arrive: "+text, fetcher.HintFor(account, next))
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
func trialVerdict(err error) (class fetcher.Class, text, next string) {
	var sent *notify.SendError
	var target *deliver.Error
	_, fault := errors.AsType[*safepath.Error](err)
	switch {
	case errors.As(err, &target):
		v := fetcher.Judge(err)
		return v.Class, v.Message, v.Hint
	case fault, errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission), errors.Is(err, safepath.ErrNotExecutable):
		return fetcher.Config, err.Error(), alarmCommandHint(err)
	case errors.As(err, &sent) && sent.Permanent:
		return fetcher.Config, err.Error(), "correct alarm.webhook: a real alarm would be given up, too"
	}
	return fetcher.Temporary, fmt.Sprint(err), "mend what it says, then say it again; a real alarm would be tried again for a day"
}
