package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/control"
	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/internal/pace"
	"github.com/popsync/popsync/schedule"
	"github.com/popsync/popsync/uidl"
)

// entries are the accounts of a configuration as the loop takes them, with what the ledger remembers of each.
func (d *daemon) entries(cfg *config.Config, known map[string]uidl.Summary) ([]schedule.Entry, error) {
	out := make([]schedule.Entry, 0, len(cfg.Accounts))
	for _, c := range cfg.Accounts {
		spec, err := scheduleOf(c)
		if err != nil {
			return nil, err
		}
		s, setting := known[c.Name], loginSetting(cfg, c)
		var running atomic.Pointer[pace.Meter]
		standing := health.Standing(s)
		e := schedule.Entry{
			Name: c.Name, Host: c.Host, Schedule: spec, Jitter: c.Jitter,
			Spread: time.Duration(len(cfg.Accounts)) * 100 * time.Millisecond, // few need not wait for each other
			Gap:    health.ProviderOf(c.Host, c.Username).MinInterval, AtStart: c.RunAtStart,
			Version: setting, Paused: !standing.Paused.IsZero(), Slow: standing.Slow,
			Run: func(ctx context.Context, asked bool) schedule.Result {
				sp := pace.New(cfg.Limits.SlowRate, cfg.Limits.SlowAfter)
				running.Store(sp)
				return d.pass(ctx, cfg, c, asked, sp)
			},
			Slowly: func() bool {
				sp := running.Load()
				return sp != nil && sp.Slowly()
			},
		}
		if standing.Setting == setting {
			e.NotBefore = standing.NextTry
		}
		e.Errand = standing.NextSend(time.Now())
		if s.Last != nil {
			e.Last = time.Unix(s.Last.Started, 0)
		}
		out = append(out, e)
	}
	return out, nil
}

// scheduleOf is an account's schedule in its time zone.
func scheduleOf(c config.Account) (schedule.Schedule, error) {
	s, err := schedule.Parse(c.Schedule)
	if err != nil {
		return s, fmt.Errorf("account %s: schedule: %w", c.Name, err)
	}
	zone := time.Local
	if c.Timezone != "" {
		if zone, err = time.LoadLocation(c.Timezone); err != nil {
			return s, fmt.Errorf("account %s: timezone: %w", c.Name, err)
		}
	}
	return s.In(zone), nil
}

func byName(sums []uidl.Summary) map[string]uidl.Summary {
	known := make(map[string]uidl.Summary, len(sums))
	for _, s := range sums {
		known[s.Name] = s
	}
	return known
}

// apply puts a configuration into force, at the start and at a reload.
func (d *daemon) apply(ctx context.Context, cfg *config.Config) (err error) {
	moved, undo := d.endMoved(cfg)
	defer func() {
		if err != nil {
			undo()
		}
	}()
	held, err := adoptNames(ctx, cfg, d.ledger, d.alarms, d.log.Logger, nil)
	if err != nil {
		return err
	}
	sums, err := d.ledger.Summaries(ctx)
	if err != nil {
		return err
	}
	known := byName(sums)
	entries, err := d.entries(cfg, known)
	if err != nil {
		return err
	}
	if err := d.alarms.reload(cfg); err != nil {
		return err
	}
	d.mu.Lock()
	old := d.cfg
	d.cfg, d.held = cfg, held
	d.mu.Unlock()
	d.log.SetLevel(cfg.Log.Level)
	resizeMemory(d.memory, cfg)
	d.loop.SetLimits(cfg.Parallel, cfg.PerHost, cfg.HostRate)
	d.loop.SetSlowAfter(cfg.Limits.SlowAfter)
	d.seed(cfg, known)
	d.loop.Set(entries)
	for _, e := range entries {
		if moved[e.Name] {
			_ = d.loop.Pause(e.Name, e.Paused)
		}
	}
	for _, name := range removed(old, cfg) {
		d.log.Info("account removed", zap.String("account", name))
		d.forget(name)
	}
	return nil
}

// endMoved ends the passes over accounts that a configuration does not have any more, or has for another mailbox. One of
// them may have got another name, and what is known of it goes there only while nobody is at work on it. moved are those that
// stay, and that nothing starts until they are told to go on. undo lets all go on: the old configuration stays.
func (d *daemon) endMoved(cfg *config.Config) (moved map[string]bool, undo func()) {
	paused := map[string]bool{}
	for _, s := range d.loop.State() {
		paused[s.Name] = s.Paused
	}
	old := d.config()
	names := removed(old, cfg)
	moved = map[string]bool{}
	now := mailboxesOf(cfg)
	for _, c := range old.Accounts {
		if m, stays := now[c.Name]; stays && m != mailboxOf(c) {
			names, moved[c.Name] = append(names, c.Name), true
		}
	}
	for _, name := range names {
		_ = d.loop.Pause(name, true) // not again before it is gone; one that the loop does not know does not run
		d.mu.Lock()
		end := d.ending[name]
		d.mu.Unlock()
		if end != nil {
			end()
		}
	}
	return moved, func() {
		for _, name := range names {
			if !paused[name] {
				_ = d.loop.Pause(name, false)
			}
		}
	}
}

// forget drops what is kept of an account that the configuration does not have any more. Its ledger stays.
func (d *daemon) forget(name string) {
	d.metrics.Forget(name)
	if err := d.alarms.notifier.Forget(name); err != nil {
		d.log.Warn("alarm not forgotten", zap.String("account", name), zap.String("error", errorText(err)))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, w := range d.waiting[name] {
		w.ended <- fetcher.Report{Account: name, Verdict: verdict.Verdict{Class: verdict.Temporary, Message: "the account was removed from the configuration"}}
	}
	delete(d.waiting, name)
	delete(d.gauges, name)
	delete(d.reasons, name)
	delete(d.partial, name)
	delete(d.unsaved, name)
}

// removed gives the accounts that only the older configuration has.
func removed(old, cfg *config.Config) (names []string) {
	now := map[string]bool{}
	for _, c := range cfg.Accounts {
		now[c.Name] = true
	}
	for _, c := range old.Accounts {
		if !now[c.Name] {
			names = append(names, c.Name)
		}
	}
	return names
}

// reload reads the configuration again. One that is bad, or asks for what only a start can do, changes nothing.
func (d *daemon) reload(ctx context.Context) (done control.Reloaded, err error) {
	d.reloading.Lock()
	defer d.reloading.Unlock()
	d.manager.Reloading()
	defer d.manager.Ready()
	old := d.config()
	cfg, err := d.a.load()
	if err == nil {
		err = d.changeable(cfg)
	}
	if err == nil {
		err = d.apply(ctx, cfg)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		d.problem = errorText(err)
		return done, err
	}
	d.problem = ""
	done = control.Reloaded{Accounts: len(cfg.Accounts), Added: len(removed(cfg, old)), Removed: len(removed(old, cfg))}
	d.log.Info("configuration loaded", zap.String("config", cfg.File), zap.Int("accounts", done.Accounts),
		zap.Int("added", done.Added), zap.Int("removed", done.Removed))
	return done, nil
}

// reloadProblem is why a configuration was not put into force, and the next step, which there always is.
func reloadProblem(err error) (text, hint string) {
	text, hint = apart(err)
	return text, cmp.Or(hint, "correct it, then say: popsync reload; until then a running daemon goes on with the one that it has")
}

// changeable tells whether a running daemon can take a configuration.
func (d *daemon) changeable(cfg *config.Config) error {
	now := d.config()
	for _, s := range []struct {
		key  string
		same bool
	}{
		{"state_dir", now.StateDir == cfg.StateDir},
		{"control.socket", slices.Equal(now.Control.Sockets, cfg.Control.Sockets)},
		{"metrics.listen", now.Metrics.Listen == cfg.Metrics.Listen},
		{"log.file", now.Log.File == cfg.Log.File},
		{"log.format", now.Log.Format == cfg.Log.Format},
	} {
		if !s.same {
			return nextstep.With(fmt.Errorf("%s: %s changed", cfg.File, s.key), "restart the daemon: that cannot change while it runs")
		}
	}
	return nil
}

func (d *daemon) config() *config.Config {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.cfg
}
