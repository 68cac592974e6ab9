package main

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/memory"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/logs"
	"github.com/popsync/popsync/internal/metrics"
	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/internal/sdnotify"
	"github.com/popsync/popsync/schedule"
	"github.com/popsync/popsync/uidl"
)

func (a *app) daemonCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "daemon",
		Short: "Fetch mail on schedule until told to stop",
		Long: `Stay in the foreground and make a pass over each account when its schedule says so. A systemd unit, or any other
supervisor, starts it at boot: see docs/service.md.

SIGHUP reads the configuration again (a bad one changes nothing), SIGUSR1 fetches from all accounts now, SIGUSR2 opens
the log file again, SIGTERM and SIGINT stop within five seconds. 'popsync status', 'wake', 'pause', 'resume' and 'run'
talk to a running daemon.`,
		Args: a.alone("daemon"),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.daemon(cmd.Context()) },
	}
}

// stopTime is how long passes may take to end once the daemon was told to stop. What is left then is abandoned, as by
// a kill, and the next start settles it.
const stopTime = 4500 * time.Millisecond

// daemon is the running service.
type daemon struct {
	a       *app
	ledger  uidl.Ledger
	log     *logs.Log
	loop    *schedule.Loop
	memory  *memory.Budget // for the listings of all passes
	metrics *metrics.Metrics
	alarms  *alarms
	manager *sdnotify.Notifier
	started time.Time
	stop    context.CancelCauseFunc // ends the daemon

	// account is what a pass works on, which a test replaces by another world.
	account func(*config.Config, config.Account) (fetcher.Account, error)

	reloading sync.Mutex // one reload at a time

	mu      sync.Mutex
	cfg     *config.Config            // the one in force
	problem string                    // of the last reload; "": it worked
	held    map[string]error          // accounts that cannot be run until the next reload
	live    map[string]fetcher.Report // of the passes that run
	reasons map[string]string         // what the last pass of an account failed with
	gauges  map[string]metrics.Gauges // how accounts were after their last pass
	waiting map[string][]*watcher     // for a pass over an account that has not begun
	watched map[string][]*watcher     // for the end of the one that runs
	ending  map[string]func()         // ends the pass over an account that runs, and waits for that
	partial map[string]fetcher.Report // of passes that made room for others and go on
	unsaved map[string]bool           // pauses that the ledger is to be told of once the account is free
	rest    *time.Timer               // see rests; nil until a pass has ended
}

func (a *app) daemon(ctx context.Context) error {
	signals := catchSignals()
	defer signals.stop()
	cfg, err := a.load()
	if err != nil {
		return err
	}
	if err := notAsRoot(cfg); err != nil {
		return err
	}
	log, err := openLog(a.err, a.errTerm, cfg.Log)
	if err != nil {
		return err
	}
	defer log.Close()
	ledger, err := openLedger(ctx, cfg)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	d := newDaemon(a, cfg, ledger, log, stop)
	defer d.manager.Close()
	left, err := d.run(ctx, signals)
	if left { // a ledger in use is left as it is, as a kill would leave it
		return err
	}
	if cerr := ledger.Close(); err == nil && cerr != nil {
		err = &exitError{exitInternal, cerr}
	}
	return err
}

// run starts everything, waits for the end, and stops everything. left tells that passes had to be abandoned.
func (d *daemon) run(ctx context.Context, signals *signals) (left bool, err error) {
	var services sync.WaitGroup
	serving, end := context.WithCancel(context.WithoutCancel(ctx))
	defer func() { end(); services.Wait() }()
	if err := d.serve(serving, &services); err != nil {
		return false, err
	}
	if err := d.apply(ctx, d.cfg); err != nil {
		return false, judged(err)
	}
	services.Go(func() { d.checkLedger(serving) })
	services.Go(func() { d.everyMinute(serving) })
	services.Go(func() { d.obey(serving, signals) })
	cfg := d.config()
	go d.a.tellRemarks(serving, cfg, cfg.Accounts, d.log.Logger) // it may wait for a disk, and nobody for it

	ended := make(chan struct{})
	go func() { defer close(ended); d.loop.Run(ctx) }()
	d.log.Info("daemon started", zap.String("version", versionText()), zap.String("config", d.cfg.File), zap.Int("accounts", len(d.cfg.Accounts)))
	d.manager.Ready()
	<-ctx.Done()
	d.manager.Stopping()
	end() // beside the passes: together they have five seconds
	select {
	case <-ended:
	case <-time.After(stopTime):
		left = true
		d.a.undo.all() // no program is left by them
	}
	d.log.Info("daemon stopped", zap.Bool("passes_abandoned", left))
	var fatal *fatalError
	if errors.As(context.Cause(ctx), &fatal) {
		err = &exitError{exitInternal, nextstep.With(fatal, fatal.Hint)}
	}
	return left, err
}

// fatalError ends the daemon: its memory cannot be used any more.
type fatalError struct{ verdict.Verdict }

func (e *fatalError) Error() string { return e.Message }

func newDaemon(a *app, cfg *config.Config, ledger uidl.Ledger, log *logs.Log, stop context.CancelCauseFunc) *daemon {
	d := &daemon{
		a: a, cfg: cfg, ledger: ledger, log: log, stop: stop, started: time.Now(), memory: newMemory(cfg),
		manager: sdnotify.New(os.Getenv), gauges: map[string]metrics.Gauges{},
		held: map[string]error{}, live: map[string]fetcher.Report{}, reasons: map[string]string{},
		waiting: map[string][]*watcher{}, watched: map[string][]*watcher{}, unsaved: map[string]bool{}, partial: map[string]fetcher.Report{}, ending: map[string]func(){},
	}
	d.account = func(cfg *config.Config, c config.Account) (fetcher.Account, error) { return a.wire(cfg, c, nobody) }
	d.metrics = metrics.New(metrics.Options{Version: versionText(), Runtime: true, Refresh: d.refresh})
	d.loop = schedule.NewLoop(schedule.Options{
		Parallel: cfg.Parallel, PerHost: cfg.PerHost, HostRate: cfg.HostRate, SlowAfter: cfg.Limits.SlowAfter,
		Look:     d.manager.WatchdogEvery(),
		Beat:     func(time.Time) { d.manager.Alive() },
		Panicked: d.panicked,
	})
	return d
}
