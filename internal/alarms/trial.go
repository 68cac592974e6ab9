package alarms

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/checkup"
	"github.com/popsync/popsync/internal/notify"
	"github.com/popsync/popsync/internal/safepath"
	"github.com/popsync/popsync/schedule"
	"github.com/popsync/popsync/uidl"
)

// Trial is a look that sends test alarms to people of these accounts, in the ways that real alarms go, those that are shared first,
// and tells what became of them.
func Trial(ctx context.Context, cfg Config, ledger uidl.Ledger, accounts []string) checkup.Look {
	al := newAlarms(cfg, ledger, zap.NewNop())
	look := checkup.Look{General: func(s *checkup.Sheet) { al.trialOfShared(ctx, s, accounts) }, Parallel: trials.Parallel}
	for _, acc := range accounts {
		look.Accounts = append(look.Accounts, checkup.Account{
			Name: acc, Look: func(ctx context.Context, s *checkup.Sheet) { al.trialOf(ctx, s, acc) },
		})
	}
	return look
}

// trials is how many test alarms are sent at once. None gives its place to others.
var trials = schedule.Options{Parallel: 8, SlowAfter: 1000 * time.Hour}

// trialOfShared tests the ways that all accounts share, once, in the name of the first that has alarms.
func (al *Alarms) trialOfShared(ctx context.Context, s *checkup.Sheet, accounts []string) {
	i := slices.IndexFunc(accounts, func(acc string) bool { return !al.silent(acc) })
	var jobs []schedule.Job
	if i >= 0 {
		for _, c := range al.cfg.Shared {
			jobs = append(jobs, schedule.Job{Run: func(ctx context.Context) error {
				try(ctx, s, c.Channel, accounts[i], c.Text+", for all accounts")
				return nil
			}})
		}
	}
	schedule.Parallel(ctx, trials, jobs)
	if len(al.cfg.Shared) == 0 {
		s.Info(checkup.PartAlarm, "there is no alarm.command and no alarm.webhook")
	}
	if i < 0 {
		s.Fail(checkup.PartAlarm, verdict.Config, "alarm = false for every account that was asked for: nobody is told of them, so nothing was sent", "remove alarm = false, or name another account")
	}
}

// trialOf tests the ways that are an account's own.
func (al *Alarms) trialOf(ctx context.Context, s *checkup.Sheet, account string) {
	if al.silent(account) {
		s.Info(checkup.PartAlarm, "alarm = false: nobody is told of it, so nothing was sent")
		return
	}
	acc, ok := al.cfg.way(account)
	switch {
	case ok:
		try(ctx, s, al.maildir, account, "maildir "+acc.Maildir)
	case len(al.cfg.Shared) == 0:
		s.Fail(checkup.PartAlarm, verdict.Config, NobodyTold, NobodyToldNext)
	case al.cfg.Maildirs:
		s.Info(checkup.PartAlarm, "it has no Maildir, so it is told of in the ways above")
	default:
		s.Info(checkup.PartAlarm, "alarm.maildir = false, so it is told of in the ways above")
	}
}

// try sends one test alarm; way is what it goes by, for people.
func try(ctx context.Context, s *checkup.Sheet, c notify.Channel, account, way string) {
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

// trialVerdict tells what it means that a test alarm did not arrive.
func trialVerdict(err error) (class verdict.Class, text, next string) {
	var sent *notify.SendError
	var target *deliver.Error
	_, fault := errors.AsType[*safepath.Error](err)
	switch {
	case errors.As(err, &target):
		v := verdict.Of(err)
		return v.Class, v.Message, v.Hint
	case fault, errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission), errors.Is(err, safepath.ErrNotExecutable), errors.Is(err, safepath.ErrNotFile):
		return verdict.Config, err.Error(), CommandHint(err)
	case errors.As(err, &sent) && sent.Permanent:
		return verdict.Config, err.Error(), "correct alarm.webhook: a real alarm would be given up, too"
	}
	return verdict.Temporary, fmt.Sprint(err), "mend what it says, then say it again; a real alarm would be tried again for a day"
}

// silent tells whether nobody is to be told of an account.
func (al *Alarms) silent(account string) bool { return al.cfg.Accounts[account].Silent }

// That nobody is told of an account, and what to do.
const (
	NobodyTold     = "nobody is told when it needs a person: it has no Maildir for alarms, and [alarm] names no command and no webhook"
	NobodyToldNext = "set alarm.command or alarm.webhook; or alarm = false for the account, if nobody is to be told"
)

// CommandHint is how to mend a program that cannot be run, whichever key names it; "": the error says it.
func CommandHint(err error) string {
	fault, ok := errors.AsType[*safepath.Error](err)
	switch {
	case ok:
		return fault.Mend
	case errors.Is(err, safepath.ErrNotExecutable):
		return "chmod +x that file, or name another program"
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		return "install it, or correct the path: until then it is not run"
	case errors.Is(err, safepath.ErrNotFile):
		return "name the program itself, by its whole path"
	}
	return ""
}
