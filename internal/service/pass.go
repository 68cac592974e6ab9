package service

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/internal/pace"
	"github.com/popsync/popsync/internal/passes"
	"github.com/popsync/popsync/schedule"
)

// pass makes one pass and tells everybody who wants to know. What may succeed unaided is tried again even if the schedule
// comes but once a day.
func (d *Service) pass(ctx context.Context, cfg *Config, c Account, asked bool, sp *pace.Meter) schedule.Result {
	inSlow := func() bool { return schedule.Slow(ctx) }
	defer d.metrics.Begin()()
	ctx, ended := d.endable(ctx, c.Name)
	defer ended()
	asked = d.audience.begins(c.Name, asked)
	rep := fetcher.Report{Account: c.Name, Started: time.Now()}
	d.audience.progress(rep)
	acc, o, err := d.wire(cfg, c)
	if err != nil {
		rep.Verdict = verdict.Verdict{Class: verdict.Config, Message: err.Error(), Hint: nextstep.Of(err)}
		rep.NextTry = time.Now().Add(cfg.BackoffMax)
		passes.LogUnbegun(d.log.Logger, c.Name, rep.Verdict)
	} else {
		o.Asked, o.Named, o.Errand = asked, asked, schedule.IsErrand(ctx) // the loop starts a paused one for nobody who did not name it
		sp.Watch(&acc, &o, inSlow)
		rep = fetcher.Run(ctx, d.ledger, acc, o)
	}
	if rep.Yielded {
		d.audience.yields(rep)
		d.keepPause(context.WithoutCancel(ctx), c.Name)
	} else {
		d.ends(ctx, c, rep)
	}
	return sp.ResultOf(rep)
}

// endable lets a reload end a pass; ended is called when it is over.
func (d *Service) endable(ctx context.Context, account string) (_ context.Context, ended func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	over := make(chan struct{})
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ending[account] = func() {
		cancel(schedule.ErrRemoved)
		select {
		case <-over:
		case <-time.After(stopTime):
		}
	}
	return ctx, func() {
		d.mu.Lock()
		delete(d.ending, account)
		d.mu.Unlock()
		cancel(nil)
		close(over)
	}
}

// wire is the account as the fetcher takes it. Nobody is asked for a password: nobody is there.
func (d *Service) wire(cfg *Config, c Account) (fetcher.Account, fetcher.Options, error) {
	if err := d.barred(cfg, c.Name); err != nil {
		return fetcher.Account{}, fetcher.Options{}, err
	}
	acc, err := c.Fetcher()
	o := cfg.Options
	o.Log, o.Progress, o.Memory = d.log.Logger, d.audience.progress, d.memory
	// A run that somebody's timer makes tries everything: only what comes by itself must come less often.
	o.Backoff = func(failures int) time.Duration {
		return schedule.Backoff(failures, cfg.BackoffMin, cfg.BackoffMax, rand.Float64)
	}
	return acc, o, err
}

// barred is why an account cannot be run, if so: it has a new name, and could not take over what the old one knows. By
// now it may.
func (d *Service) barred(cfg *Config, account string) error {
	look := func() (err error, current bool) {
		d.mu.Lock()
		defer d.mu.Unlock()
		return d.blocked[account], d.cfg == cfg
	}
	if err, current := look(); err == nil || !current {
		return err
	}
	d.reloading.Lock()
	defer d.reloading.Unlock()
	if err, current := look(); err == nil || !current {
		return err
	}
	blocked, lerr := d.alarms.Follow(context.Background(), cfg.Names(), nil)
	if lerr != nil {
		return lerr
	}
	d.mu.Lock()
	d.blocked = blocked
	d.mu.Unlock()
	return blocked[account]
}
