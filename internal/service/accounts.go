package service

import (
	"context"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/internal/memlimit"
	"github.com/popsync/popsync/internal/pace"
	"github.com/popsync/popsync/schedule"
	"github.com/popsync/popsync/uidl"
)

// entries are the accounts of a configuration as the loop takes them, with what the ledger remembers of each.
func (d *Service) entries(cfg *Config, known map[string]uidl.Summary) []schedule.Entry {
	out := make([]schedule.Entry, 0, len(cfg.Accounts))
	for _, c := range cfg.Accounts {
		s := known[c.Name]
		var running atomic.Pointer[pace.Meter]
		standing := health.Standing(s)
		e := schedule.Entry{
			Name: c.Name, Host: c.Host, Schedule: c.Schedule, Jitter: c.Jitter,
			Spread: time.Duration(len(cfg.Accounts)) * 100 * time.Millisecond, // few need not wait for each other
			Gap:    c.Gap, AtStart: c.AtStart,
			Version: c.Setting, Paused: !standing.Paused.IsZero(), Slow: standing.Slow,
			Run: func(ctx context.Context, asked bool) schedule.Result {
				sp := pace.New(cfg.SlowRate, cfg.SlowAfter)
				running.Store(sp)
				return d.pass(ctx, cfg, c, asked, sp)
			},
			Slowly: func() bool {
				sp := running.Load()
				return sp != nil && sp.Slowly()
			},
		}
		if standing.Setting == c.Setting {
			e.NotBefore = standing.NextTry
		}
		e.Errand = standing.NextSend(time.Now())
		if s.Last != nil {
			e.Last = time.Unix(s.Last.Started, 0)
		}
		out = append(out, e)
	}
	return out
}

func byName(sums []uidl.Summary) map[string]uidl.Summary {
	known := make(map[string]uidl.Summary, len(sums))
	for _, s := range sums {
		known[s.Name] = s
	}
	return known
}

// apply puts a configuration into force, at the start and at a reload.
func (d *Service) apply(ctx context.Context, cfg *Config) (err error) {
	moved, undo := d.endMoved(cfg)
	defer func() {
		if err != nil {
			undo()
		}
	}()
	blocked, err := d.alarms.Follow(ctx, cfg.Names(), nil)
	if err != nil {
		return err
	}
	sums, err := d.ledger.Summaries(ctx)
	if err != nil {
		return err
	}
	known := byName(sums)
	entries := d.entries(cfg, known)
	if err := d.alarms.Reload(cfg.Alarms); err != nil {
		return err
	}
	d.mu.Lock()
	old := d.cfg
	d.cfg, d.blocked = cfg, blocked
	d.mu.Unlock()
	d.log.SetLevel(cfg.LogLevel)
	d.memory.Resize(memlimit.Budget(cfg.Memory))
	d.loop.SetLimits(cfg.Parallel, cfg.PerHost, cfg.HostRate)
	d.loop.SetSlowAfter(cfg.SlowAfter)
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
func (d *Service) endMoved(cfg *Config) (moved map[string]bool, undo func()) {
	paused := map[string]bool{}
	for _, s := range d.loop.State() {
		paused[s.Name] = s.Paused
	}
	old := d.config()
	names := removed(old, cfg)
	moved = map[string]bool{}
	now := map[string]string{}
	for _, c := range cfg.Accounts {
		now[c.Name] = c.Mailbox
	}
	for _, c := range old.Accounts {
		if m, stays := now[c.Name]; stays && m != c.Mailbox {
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
func (d *Service) forget(name string) {
	d.metrics.Forget(name)
	d.alarms.Forget(name)
	d.audience.forget(name)
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.gauges, name)
	delete(d.reasons, name)
	delete(d.unsaved, name)
}

// removed gives the accounts that only the older configuration has.
func removed(old, cfg *Config) (names []string) {
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
