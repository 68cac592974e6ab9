package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/popsync/popsync/deliver/command"
)

// How a command ends before it is done. A signal (Ctrl-C, SIGTERM, a hangup) ends its context: prompts and waits end at once,
// a pass within three seconds, with what was received whole settled. After five the process ends whatever hangs, as a kill
// would end it, and a second signal ends it at once. Whatever way that goes, the terminal is as it was.

const (
	// sameSignal is how soon after the first signal a second one is the same: timeout(1) sends one to the process and one to
	// its group, a shell that ends passes a hangup on.
	sameSignal = 200 * time.Millisecond
	// patience is how long a command may take to end, sayStopping after how much of it a person is told why it does not yet.
	patience    = 4700 * time.Millisecond
	sayStopping = 300 * time.Millisecond
)

// onSignal is a context that ends with the first signal. The second one ends the process. An interrupt or a hangup that was ignored
// when popsync began, as nohup and shells without job control have it, stays so: whoever arranged that meant it.
func onSignal(u *undo) (ctx context.Context, release func()) {
	ctx, cancel := context.WithCancel(context.Background())
	got := make(chan os.Signal, 4)
	signal.Notify(got, syscall.SIGTERM)
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGHUP} {
		if !signal.Ignored(s) {
			signal.Notify(got, s)
		}
	}
	go func() {
		<-got
		cancel()
		first := time.Now()
		for s := range got {
			if time.Since(first) >= sameSignal {
				u.all()
				signal.Reset(s)
				_ = syscall.Kill(os.Getpid(), s.(syscall.Signal)) // so that whoever waits sees what ended it
				return
			}
		}
	}()
	return ctx, func() { signal.Stop(got); cancel() }
}

// ends bounds the time until a command has ended whose context is over; over is called when it has. The daemon looks after
// that itself.
func (a *app) ends(ctx context.Context) (over func()) {
	if a.undo == nil {
		return func() {}
	}
	done := make(chan struct{})
	go func() {
		select {
		case <-done:
			return
		case <-ctx.Done():
		}
		select {
		case <-done:
			return
		case <-time.After(sayStopping):
			if a.errTerm {
				fmt.Fprintln(a.logWriter(), "popsync: stopping, as soon as what came whole is safe; Ctrl-C ends it now")
			}
		}
		select {
		case <-done:
		case <-time.After(patience - sayStopping):
			a.undo.all()
			fmt.Fprintln(a.err, "popsync: stopped; what hung was abandoned, as by a kill: the next run settles it")
			os.Exit(exitTemp)
		}
	}()
	return func() { close(done) }
}

// running keeps the programs of destinations, so that none is left when the process ends at once.
func (a *app) running(o command.Options) command.Options {
	o.Running = func(group int) func() {
		return a.undo.add(func() { _ = syscall.Kill(-group, syscall.SIGKILL) })
	}
	return o
}
