// Package service is the daemon: it has accounts fetched when their schedules say so, until it is told to stop. It joins rooms that do
// not know of each other: the schedule, the fetcher, the control socket, alarms and figures.
//
// 'popsync daemon' calls it. It knows no configuration, but plain structures that are made of one, at the start and at each
// reload; one that is bad changes nothing. A pass that panics, hangs or fails is its own account's affair; only a ledger that
// is damaged or cannot be used any more ends the service.
package service

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/memory"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/alarms"
	"github.com/popsync/popsync/internal/control"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/logs"
	"github.com/popsync/popsync/internal/memlimit"
	"github.com/popsync/popsync/internal/metrics"
	"github.com/popsync/popsync/internal/names"
	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/internal/sdnotify"
	"github.com/popsync/popsync/schedule"
	"github.com/popsync/popsync/uidl"
)

// stopTime is how long passes may take to end once the service was told to stop. What is left then is abandoned, as by
// a kill, and the next start settles it.
const stopTime = 4500 * time.Millisecond

// Config is a configuration, as far as the service goes by it.
type Config struct {
	File     string // where it stands, for the log
	Owner    string // identifies it: see fetcher.Account.Owner
	LogLevel string
	Fixed    []Fixed // what cannot change while the service runs; always of the same keys

	StateDir string
	Socket   string // that others talk to it through; "": none
	Listen   string // where metrics are offered; "": nowhere
	Textfile string // where they are written; "": nowhere

	Parallel, PerHost, HostRate int // see schedule.Options
	SlowRate                    int // see pace.New
	SlowAfter                   time.Duration
	BackoffMin, BackoffMax      time.Duration // see schedule.Backoff
	Memory                      int64         // for listings, in octets; 0: a part of what there is
	Options                     fetcher.Options
	Alarms                      alarms.Config
	Names                       func() *names.Configured // as they are at that moment
	Logins                      Logins                   // by OAuth
	Accounts                    []Account
}

// Fixed is a key of the configuration that only a start can put into force, and its value.
type Fixed struct{ Key, Value string }

// Logins are those by OAuth of a configuration's accounts: see control.Handler. *control.UnknownError: there is no such login.
type Logins interface {
	Grant(ctx context.Context, g control.Grant) error
	Logout(ctx context.Context, g control.Grant) (revoked bool, err error)
}

// Account is an account of a configuration.
type Account struct {
	Name     string
	Host     string
	Mailbox  string // identifies it: see fetcher.Account.Mailbox
	Setting  string // what decides whether its login can work: see fetcher.Account.Setting
	Schedule schedule.Schedule
	Jitter   time.Duration
	Gap      time.Duration // between two logins, at least
	AtStart  bool
	// Fetcher is the account as the fetcher takes it.
	Fetcher func() (fetcher.Account, error)
	// NewMail is told of passes that settled something: see passes.Account.
	NewMail func(context.Context, fetcher.Report) error
}

// Options are what a service needs beside its configuration.
type Options struct {
	Config  *Config
	Ledger  uidl.Ledger // is not closed by it
	Log     *logs.Log
	Version string
	Load    func() (*Config, error) // reads the configuration again
	Begun   func(context.Context)   // is called when it has begun, beside it; nil: nothing is
	Left    func()                  // when passes had to be abandoned; nil: nothing is
}

// Service is the running daemon. It answers commands: control.Handler.
type Service struct {
	Options
	log      *logs.Log
	ledger   uidl.Ledger
	loop     *schedule.Loop
	memory   *memory.Budget // for the listings of all passes
	metrics  *metrics.Metrics
	alarms   *alarms.Alarms
	manager  *sdnotify.Notifier
	audience *audience
	started  time.Time
	stop     context.CancelCauseFunc // ends it

	reloading sync.Mutex // one reload at a time

	mu      sync.Mutex
	cfg     *Config                   // the one in force
	problem string                    // of the last reload; "": it worked
	blocked map[string]error          // accounts that cannot be run until the next reload
	reasons map[string]string         // what the last pass of an account failed with
	gauges  map[string]metrics.Gauges // how accounts were after their last pass
	ending  map[string]func()         // ends the pass over an account that runs, and waits for that
	unsaved map[string]bool           // pauses that the ledger is to be told of once the account is free
	rest    *time.Timer               // see rests; nil until a pass has ended
}

// fatalError ends the service: its memory cannot be used any more.
type fatalError struct{ verdict.Verdict }

func (e *fatalError) Error() string { return e.Message }

// New makes a service that has not begun.
func New(o Options) *Service {
	cfg := o.Config
	memlimit.Keep()
	d := &Service{
		Options: o, cfg: cfg, ledger: o.Ledger, log: o.Log, started: time.Now(),
		memory:  memory.NewBudget(memlimit.Budget(cfg.Memory), memlimit.Tidier()),
		manager: sdnotify.New(os.Getenv), gauges: map[string]metrics.Gauges{},
		audience: newAudience(), blocked: map[string]error{}, reasons: map[string]string{}, unsaved: map[string]bool{}, ending: map[string]func(){},
	}
	d.metrics = metrics.New(metrics.Options{Version: o.Version, Runtime: true, Refresh: d.refresh})
	d.loop = schedule.NewLoop(schedule.Options{
		Parallel: cfg.Parallel, PerHost: cfg.PerHost, HostRate: cfg.HostRate, SlowAfter: cfg.SlowAfter,
		Look:     d.manager.WatchdogEvery(),
		Beat:     func(time.Time) { d.manager.Alive() },
		Panicked: d.panicked,
	})
	return d
}

// Run starts everything, waits until ctx ends or the ledger cannot be used any more, and stops everything. Signals are those that
// it obeys: SIGHUP, SIGUSR1 and SIGUSR2. left tells that passes had to be abandoned, which use the ledger still. Errors have their
// exit codes.
func (d *Service) Run(ctx context.Context, signals <-chan os.Signal) (left bool, err error) {
	defer d.manager.Close()
	ctx, d.stop = context.WithCancelCause(ctx)
	defer d.stop(nil)
	var services sync.WaitGroup
	serving, end := context.WithCancel(context.WithoutCancel(ctx))
	defer func() { end(); services.Wait() }()
	if err := d.serve(serving, &services); err != nil {
		return false, err
	}
	if err := d.apply(ctx, d.cfg); err != nil {
		return false, exit.Judged(err)
	}
	services.Go(func() { d.checkLedger(serving) })
	services.Go(func() { d.everyMinute(serving) })
	services.Go(func() { d.obey(serving, signals) })
	if d.Begun != nil {
		go d.Begun(serving) // it may wait for a disk, and nobody for it
	}

	ended := make(chan struct{})
	go func() { defer close(ended); d.loop.Run(ctx) }()
	cfg := d.config()
	d.log.Info("daemon started", zap.String("version", d.Version), zap.String("config", cfg.File), zap.Int("accounts", len(cfg.Accounts)))
	d.manager.Ready()
	<-ctx.Done()
	d.manager.Stopping()
	end() // beside the passes: together they have five seconds
	select {
	case <-ended:
	case <-time.After(stopTime):
		left = true
		if d.Left != nil {
			d.Left()
		}
	}
	d.log.Info("daemon stopped", zap.Bool("passes_abandoned", left))
	var fatal *fatalError
	if errors.As(context.Cause(ctx), &fatal) {
		err = exit.With(exit.Internal, nextstep.With(fatal, fatal.Hint))
	}
	return left, err
}
