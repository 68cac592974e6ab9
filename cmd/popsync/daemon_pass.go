package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/control"
	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/internal/pace"
	"github.com/popsync/popsync/schedule"
	"github.com/popsync/popsync/uidl"
)

// pass makes one pass and tells everybody who wants to know. What may succeed unaided is tried again even if the schedule
// comes but once a day.
func (d *daemon) pass(ctx context.Context, cfg *config.Config, c config.Account, asked bool, sp *pace.Meter) schedule.Result {
	inSlow := func() bool { return schedule.Slow(ctx) }
	defer d.metrics.Begin()()
	ctx, ended := d.endable(ctx, c.Name)
	defer ended()
	asked = d.begins(c.Name, asked)
	rep := fetcher.Report{Account: c.Name, Started: time.Now()}
	d.progress(rep)
	acc, o, err := d.wire(cfg, c)
	if err != nil {
		rep.Verdict = verdict.Verdict{Class: verdict.Config, Message: err.Error(), Hint: nextstep.Of(err)}
		rep.NextTry = time.Now().Add(cfg.Limits.BackoffMax)
		logUnbegun(d.log.Logger, c.Name, rep.Verdict)
	} else {
		o.Asked, o.Named, o.Errand = asked, asked, schedule.IsErrand(ctx) // the loop starts a paused one for nobody who did not name it
		sp.Watch(&acc, &o, inSlow)
		rep = fetcher.Run(ctx, d.ledger, acc, o)
	}
	if rep.Yielded {
		d.madeRoom(ctx, c.Name, rep)
	} else {
		d.ends(ctx, c, rep)
	}
	return sp.ResultOf(rep)
}

// madeRoom is told of a pass that made room for others: those who watch it wait on.
func (d *daemon) madeRoom(ctx context.Context, account string, rep fetcher.Report) {
	d.mu.Lock()
	delete(d.live, account)
	d.waiting[account] = append(d.watched[account], d.waiting[account]...)
	delete(d.watched, account)
	d.waits(account)
	d.partial[account] = pace.Joined(d.partial[account], rep)
	d.mu.Unlock()
	d.keepPause(context.WithoutCancel(ctx), account)
}

// endable lets a reload end a pass; ended is called when it is over.
func (d *daemon) endable(ctx context.Context, account string) (_ context.Context, ended func()) {
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
func (d *daemon) wire(cfg *config.Config, c config.Account) (fetcher.Account, fetcher.Options, error) {
	if err := d.barred(cfg, c.Name); err != nil {
		return fetcher.Account{}, fetcher.Options{}, err
	}
	acc, err := d.account(cfg, c)
	o := options(cfg.Limits)
	o.Log, o.Progress, o.Memory = d.log.Logger, d.progress, d.memory
	// A run that somebody's timer makes tries everything: only what comes by itself must come less often.
	o.Backoff = func(failures int) time.Duration {
		return schedule.Backoff(failures, cfg.Limits.BackoffMin, cfg.Limits.BackoffMax, rand.Float64)
	}
	return acc, o, err
}

// barred is why an account cannot be run, if so: it has a new name, and could not take over what the old one knows. By
// now it may.
func (d *daemon) barred(cfg *config.Config, account string) error {
	look := func() (err error, current bool) {
		d.mu.Lock()
		defer d.mu.Unlock()
		return d.held[account], d.cfg == cfg
	}
	if err, current := look(); err == nil || !current {
		return err
	}
	d.reloading.Lock()
	defer d.reloading.Unlock()
	if err, current := look(); err == nil || !current {
		return err
	}
	held, lerr := adoptNames(context.Background(), cfg, d.ledger, d.alarms, d.log.Logger, nil)
	if lerr != nil {
		return lerr
	}
	d.mu.Lock()
	d.held = held
	d.mu.Unlock()
	return held[account]
}

func nobody(context.Context) (string, error) {
	return "", errors.New("no password is configured, and the daemon asks nobody: set password_file or password_command")
}

// begins takes those who wait for a pass of the account, and tells whether a person is among them, when the loop was
// asked.
func (d *daemon) begins(account string, asked bool) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.waiting[account]
	delete(d.waiting, account)
	d.watched[account] = now
	if asked && len(now) > 0 {
		return slices.ContainsFunc(now, func(w *watcher) bool { return w.asked })
	}
	return asked
}

// progress keeps what a running pass has done so far, and shows it to those who watch.
func (d *daemon) progress(rep fetcher.Report) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.live[rep.Account] = rep
	for _, w := range d.watched[rep.Account] {
		w.progress(progressOf(rep))
	}
	for _, w := range d.waiting[rep.Account] {
		w.progress(before(rep))
	}
}

// waits tells those whose pass comes next that the one before it is over. d.mu is held.
func (d *daemon) waits(account string) {
	for _, w := range d.waiting[account] {
		w.progress(control.Progress{Account: account, Waiting: control.TurnWait})
	}
}

// report gives those who watch a pass its report, together with the one before it if they saw that, too: what they were shown
// coming is part of what came. Those whose pass comes next keep it. d.mu is held.
func (d *daemon) report(rep fetcher.Report) {
	for _, w := range d.watched[rep.Account] {
		w.ended <- pace.Joined(w.seen, rep) // has room for it
	}
	delete(d.watched, rep.Account)
	for _, w := range d.waiting[rep.Account] {
		w.seen = pace.Joined(w.seen, rep)
	}
}

// ends is told of each pass.
func (d *daemon) ends(ctx context.Context, c config.Account, rep fetcher.Report) {
	d.mu.Lock()
	delete(d.live, c.Name)
	if len(d.live) == 0 {
		d.rests()
	}
	rep = pace.Joined(d.partial[c.Name], rep)
	delete(d.partial, c.Name)
	d.report(rep)
	d.waits(c.Name)
	if !rep.Stopped {
		d.reasons[c.Name] = rep.Verdict.Message
	}
	d.mu.Unlock()
	d.keepPause(context.WithoutCancel(ctx), c.Name)
	d.measure(rep)
	if ctx.Err() == nil || rep.Verdict.Stop { // else it was told to end, and so are those who would tell
		d.alarms.observe(ctx, c, rep)
	}
	if rep.Verdict.Stop {
		d.stop(&fatalError{rep.Verdict})
	}
}

// keepPause has the ledger remember a pause that came while a pass was running.
func (d *daemon) keepPause(ctx context.Context, account string) {
	d.mu.Lock()
	paused, unsaved := d.unsaved[account]
	delete(d.unsaved, account)
	d.mu.Unlock()
	if !unsaved {
		return
	}
	if err := d.savePause(ctx, account, paused); err != nil {
		d.log.Warn("pause not remembered", zap.String("account", account), zap.String("error", errorText(err)))
	}
}

// restAfter is how long nothing must have run before memory is given back: to collect it takes a few milliseconds, and
// what a pass follows soon would have to be got again.
const restAfter = 10 * time.Second

// rests has what the passes took given back to the system when none follows for a while. d.mu is held.
func (d *daemon) rests() {
	if d.rest != nil {
		d.rest.Reset(restAfter)
		return
	}
	d.rest = time.AfterFunc(restAfter, func() {
		d.mu.Lock()
		idle := len(d.live) == 0
		d.mu.Unlock()
		if idle {
			debug.FreeOSMemory()
		}
	})
}

// panicked is told of a pass that ended by a panic outside of the fetcher, which catches its own.
func (d *daemon) panicked(name string, err *schedule.PanicError) {
	d.log.Error("panic", zap.String("account", name), zap.String("error", err.Error()), zap.ByteString("stack", err.Stack))
	rep := fetcher.Report{Account: name, Verdict: verdict.Verdict{Class: verdict.Internal, Message: err.Error()}}
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.live, name)
	d.report(rep)
	d.waits(name)
}

// without is list with one element left out.
func without(list []*watcher, w *watcher) []*watcher {
	return slices.DeleteFunc(list, func(o *watcher) bool { return o == w })
}

// checkLedger reads the whole ledger once, beside the passes, which may not meet what is damaged for long.
func (d *daemon) checkLedger(ctx context.Context) {
	err := d.ledger.Check(ctx)
	if errors.Is(err, uidl.ErrCorrupt) {
		v := verdict.Of(err)
		d.log.Error("ledger is damaged", zap.String("error", v.Message), zap.String("next_step", v.Hint))
		d.stop(&fatalError{v})
	}
}
