package service

import (
	"context"
	"errors"
	"runtime/debug"
	"time"

	"go.uber.org/zap"

	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/passes"
	"github.com/popsync/popsync/schedule"
	"github.com/popsync/popsync/uidl"
)

// ends is told of each pass.
func (d *Service) ends(ctx context.Context, c Account, rep fetcher.Report) {
	rep = d.audience.ends(rep)
	d.mu.Lock()
	if d.audience.idle() {
		d.rests()
	}
	if !rep.Stopped {
		d.reasons[c.Name] = rep.Verdict.Message
	}
	d.mu.Unlock()
	d.keepPause(context.WithoutCancel(ctx), c.Name)
	d.measure(rep)
	if ctx.Err() == nil || rep.Verdict.Stop { // else it was told to end, and so are those who would tell
		d.alarms.Observe(ctx, rep)
	}
	if rep.Verdict.Stop {
		d.stop(&fatalError{rep.Verdict})
	}
	passes.TellNewMail(ctx, d.log.Logger, c.NewMail, rep)
}

// keepPause has the ledger remember a pause that came while a pass was running.
func (d *Service) keepPause(ctx context.Context, account string) {
	d.mu.Lock()
	paused, unsaved := d.unsaved[account]
	delete(d.unsaved, account)
	d.mu.Unlock()
	if !unsaved {
		return
	}
	if err := d.savePause(ctx, account, paused); err != nil {
		d.log.Warn("pause not remembered", zap.String("account", account), zap.String("error", err.Error()))
	}
}

// restAfter is how long nothing must have run before memory is given back: to collect it takes a few milliseconds, and
// what a pass follows soon would have to be got again.
const restAfter = 10 * time.Second

// rests has what the passes took given back to the system when none follows for a while. d.mu is held.
func (d *Service) rests() {
	if d.rest != nil {
		d.rest.Reset(restAfter)
		return
	}
	d.rest = time.AfterFunc(restAfter, func() {
		if d.audience.idle() {
			debug.FreeOSMemory()
		}
	})
}

// panicked is told of a pass that ended by a panic outside of the fetcher, which catches its own.
func (d *Service) panicked(name string, err *schedule.PanicError) {
	d.log.Error("panic", zap.String("account", name), zap.String("error", err.Error()), zap.ByteString("stack", err.Stack))
	d.audience.panics(fetcher.Report{Account: name, Verdict: verdict.Verdict{Class: verdict.Internal, Message: err.Error()}})
}

// checkLedger reads the whole ledger once, beside the passes, which may not meet what is damaged for long.
func (d *Service) checkLedger(ctx context.Context) {
	err := d.ledger.Check(ctx)
	if errors.Is(err, uidl.ErrCorrupt) {
		v := verdict.Of(err)
		d.log.Error("ledger is damaged", zap.String("error", v.Message), zap.String("next_step", v.Hint))
		d.stop(&fatalError{v})
	}
}
