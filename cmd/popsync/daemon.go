package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/internal/console"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/logs"
	"github.com/popsync/popsync/internal/names"
	"github.com/popsync/popsync/internal/service"
	"github.com/popsync/popsync/internal/usage"
	"github.com/popsync/popsync/schedule"
	"github.com/popsync/popsync/uidl"
)

// serving are the commands of the daemon.
type serving struct{ *app }

func (a serving) daemonCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "daemon",
		Short: "Fetch mail on schedule until told to stop",
		Long: `Stay in the foreground and make a pass over each account when its schedule says so. A systemd unit, or any other
supervisor, starts it at boot: see docs/service.md.

SIGHUP reads the configuration again (a bad one changes nothing), SIGUSR1 fetches from all accounts now, SIGUSR2 opens
the log file again, SIGTERM and SIGINT stop within five seconds. 'popsync status', 'wake', 'pause', 'resume' and 'run'
talk to a running daemon.`,
		Args: usage.None("daemon"),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.daemon(cmd.Context()) },
	}
}

func (a serving) daemon(ctx context.Context) error {
	signals, release := console.Signals()
	defer release()
	cfg, err := a.load()
	if err != nil {
		return err
	}
	if err := notAsRoot(cfg); err != nil {
		return err
	}
	log, err := openLog(a.Err, a.ErrTerm, cfg.Log)
	if err != nil {
		return err
	}
	defer log.Close()
	ledger, err := openLedger(ctx, cfg)
	if err != nil {
		return err
	}
	left, err := a.serve(ctx, cfg, ledger, log, signals)
	if left { // a ledger in use is left as it is, as a kill would leave it
		return err
	}
	if cerr := ledger.Close(); err == nil && cerr != nil {
		err = exit.With(exit.Internal, cerr)
	}
	return err
}

// serve runs the daemon until its end. left: passes were abandoned, and use the ledger still.
func (a serving) serve(ctx context.Context, cfg *config.Config, ledger uidl.Ledger, log *logs.Log, signals <-chan os.Signal) (left bool, err error) {
	d, err := a.newService(cfg, ledger, log, a.wireUnasked)
	if err != nil {
		return false, exit.With(exit.Config, err)
	}
	return d.Run(ctx, signals)
}

// newService makes the daemon of a configuration; wire gives what a pass works on.
func (a serving) newService(cfg *config.Config, ledger uidl.Ledger, log *logs.Log, wire wiring) (*service.Service, error) {
	plainOf := func(cfg *config.Config) (*service.Config, error) {
		plain, err := serviceOf(cfg, wire)
		if err == nil {
			plain.Logins = a.logins(cfg)
		}
		return plain, err
	}
	plain, err := plainOf(cfg)
	if err != nil {
		return nil, err
	}
	return service.New(service.Options{
		Config: plain, Ledger: ledger, Log: log, Version: versionText(),
		Load: func() (*service.Config, error) {
			cfg, err := a.load()
			if err != nil {
				return nil, err
			}
			return plainOf(cfg)
		},
		Begun: func(ctx context.Context) { a.logRemarks(ctx, cfg, cfg.Accounts, log.Logger) },
		Left:  a.Undo.All, // no program is left by them
	}), nil
}

// wiring gives what a pass over an account works on.
type wiring func(*config.Config, config.Account) (fetcher.Account, error)

// wireUnasked is wire where nobody is there who could be asked for a password.
func (a serving) wireUnasked(cfg *config.Config, c config.Account) (fetcher.Account, error) {
	return a.wire(cfg, c, nobody)
}

// serviceOf is a configuration as the daemon takes it.
func serviceOf(cfg *config.Config, wire wiring) (*service.Config, error) {
	told, err := alarmsOf(cfg)
	if err != nil {
		return nil, err
	}
	s := &service.Config{
		File: cfg.File, Owner: ownerOf(cfg), LogLevel: cfg.Log.Level,
		StateDir: cfg.StateDir, Listen: cfg.Metrics.Listen, Textfile: cfg.Metrics.Textfile,
		Parallel: cfg.Parallel, PerHost: cfg.PerHost, HostRate: cfg.HostRate,
		SlowRate: cfg.Limits.SlowRate, SlowAfter: cfg.Limits.SlowAfter,
		BackoffMin: cfg.Limits.BackoffMin, BackoffMax: cfg.Limits.BackoffMax,
		Memory: cfg.Limits.Memory, Options: options(cfg.Limits), Alarms: told,
		Names: func() *names.Configured { return namesOf(cfg) },
		Fixed: []service.Fixed{
			{Key: "state_dir", Value: cfg.StateDir}, {Key: "control.socket", Value: strings.Join(cfg.Control.Sockets, "\x00")},
			{Key: "metrics.listen", Value: cfg.Metrics.Listen}, {Key: "log.file", Value: cfg.Log.File}, {Key: "log.format", Value: cfg.Log.Format},
		},
	}
	if len(cfg.Control.Sockets) > 0 {
		s.Socket = cfg.Control.Sockets[0]
	}
	for _, c := range cfg.Accounts {
		spec, err := scheduleOf(c)
		if err != nil {
			return nil, err
		}
		told, err := newMailOf(c)
		if err != nil {
			return nil, err
		}
		s.Accounts = append(s.Accounts, service.Account{
			Name: c.Name, Host: c.Host, Mailbox: mailboxOf(c), Setting: loginSetting(cfg, c),
			Schedule: spec, Jitter: c.Jitter, Gap: health.ProviderOf(c.Host, c.Username).MinInterval, AtStart: c.RunAtStart,
			Fetcher: func() (fetcher.Account, error) { return wire(cfg, c) }, NewMail: told,
		})
	}
	return s, nil
}

// scheduleOf is an account's schedule in its time zone.
func scheduleOf(c config.Account) (schedule.Schedule, error) {
	s, err := schedule.ParseIn(c.Schedule, c.Timezone)
	if err != nil {
		return s, fmt.Errorf("account %s: %w", c.Name, err)
	}
	return s, nil
}

func nobody(context.Context) (string, error) {
	return "", errors.New("no password is configured, and the daemon asks nobody: set password_file or password_command")
}
