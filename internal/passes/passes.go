// Package passes makes one pass over each of several accounts, as many at once as is allowed; or has the running daemon make them,
// and tells what became of them. One that panics or fails leaves the others alone.
//
// 'popsync run' calls it, and 'popsync demo'. It asks nobody and prints nothing: a pass logs its own end, and what never began is
// logged here.
package passes

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/internal/outcome"
	"github.com/popsync/popsync/internal/pace"
	"github.com/popsync/popsync/schedule"
	"github.com/popsync/popsync/uidl"
)

// Options bound the passes.
type Options struct {
	Ledger            uidl.Ledger
	Log               *zap.Logger
	Parallel, PerHost int           // how many at once, in all and at one host; see schedule.Options
	SlowRate          int           // see pace.New
	SlowAfter         time.Duration // see pace.New
	Show              Board         // nil: nobody watches
}

// Board shows which passes are running.
type Board interface {
	Began(account string)
	Ended(account string)
}

// Account is one to make a pass over.
type Account struct {
	Name string
	Host string // of its server
	// Wire gives what the fetcher takes, when the pass begins.
	Wire func() (fetcher.Account, fetcher.Options, error)
	// NewMail is called after a pass that settled something, and tells a program of the user's; nil: there is none.
	NewMail func(context.Context, fetcher.Report) error
}

// Run makes the passes, and gives a report for each in the order of the accounts. Only a ledger that cannot be used stops everything.
func Run(ctx context.Context, o Options, accounts []Account) []fetcher.Report {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	reports := make([]fetcher.Report, len(accounts))
	began := make([]bool, len(accounts))
	jobs := make([]schedule.Job, len(accounts))
	slow := slowIn(ctx, o, len(accounts))
	for i, c := range accounts {
		var running atomic.Pointer[pace.Meter]
		var first fetcher.Report // what a pass did before it made room for others
		var brisk bool           // and whether it may go on among them
		reports[i] = outcome.Unstarted(c.Name)
		jobs[i] = schedule.Job{Host: c.Host, Slow: slow[c.Name], Slowly: func() bool {
			sp := running.Load()
			return sp != nil && sp.Slowly()
		}, Brisk: func() bool { return brisk }, Run: func(ctx context.Context) error {
			sp := pace.New(o.SlowRate, o.SlowAfter)
			running.Store(sp)
			if o.Show != nil {
				o.Show.Began(c.Name)
				defer o.Show.Ended(c.Name)
			}
			acc, fo, err := c.Wire()
			if err != nil {
				reports[i] = fetcher.Report{Account: c.Name, Verdict: verdict.Verdict{Class: verdict.Config, Message: err.Error(), Hint: nextstep.Of(err)}}
				return err
			}
			began[i] = true
			sp.Watch(&acc, &fo, func() bool { return schedule.Slow(ctx) })
			rep := fetcher.Run(ctx, o.Ledger, acc, fo)
			reports[i] = pace.Joined(first, rep)
			if rep.Yielded {
				first, brisk = reports[i], sp.ResultOf(rep).Brisk
				return schedule.ErrMoved
			}
			if reports[i].Verdict.Stop {
				stop()
			}
			TellNewMail(ctx, o.Log, c.NewMail, reports[i])
			return nil
		}}
	}
	for i, err := range schedule.Parallel(ctx, schedule.Options{Parallel: o.Parallel, PerHost: o.PerHost, SlowAfter: o.SlowAfter}, jobs) {
		var panicked *schedule.PanicError
		if errors.As(err, &panicked) {
			reports[i] = fetcher.Report{Account: reports[i].Account, Verdict: verdict.Verdict{Class: verdict.Internal, Message: panicked.Error()}}
			began[i] = false
		}
		switch v := reports[i].Verdict; {
		case began[i]:
		case reports[i].Stopped:
			o.Log.Info("pass not started", zap.String("account", reports[i].Account))
		default:
			LogUnbegun(o.Log, reports[i].Account, v)
		}
	}
	return reports
}

// TellNewMail calls what an account has for that after a pass that settled something, unless everything is to end. A failure is logged, and
// nothing else follows from it.
func TellNewMail(ctx context.Context, log *zap.Logger, tell func(context.Context, fetcher.Report) error, rep fetcher.Report) {
	if tell == nil || rep.Settled == 0 || ctx.Err() != nil {
		return
	}
	if err := tell(ctx, rep); err != nil {
		why := err.Error()
		if errors.Is(err, context.Canceled) { // no fault of the program's
			why = "it was ended before it was done, for popsync stops"
		}
		log.Warn("new_mail_command failed", zap.String("account", rep.Account), zap.String("error", why))
	}
}

// slowIn are the accounts whose passes begin in the slow lane. With few accounts nobody waits, and there is no need for it.
func slowIn(ctx context.Context, o Options, accounts int) map[string]bool {
	if accounts <= o.Parallel {
		return nil
	}
	sums, err := o.Ledger.Summaries(ctx)
	if err != nil {
		return nil // each pass meets it as well
	}
	slow := map[string]bool{}
	for _, s := range sums {
		slow[s.Name] = health.Standing(s).Slow
	}
	return slow
}

// LogUnbegun writes the line of a pass that could not begin.
func LogUnbegun(log *zap.Logger, account string, v verdict.Verdict) {
	log.Error("pass failed", zap.String("account", account), zap.String("error", v.Message), zap.String("next_step", v.Hint))
}
