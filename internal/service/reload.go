package service

import (
	"cmp"
	"context"
	"fmt"

	"go.uber.org/zap"

	"github.com/popsync/popsync/internal/control"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/nextstep"
)

// reload reads the configuration again. One that is bad, or asks for what only a start can do, changes nothing.
func (d *Service) reload(ctx context.Context) (done control.Reloaded, err error) {
	d.reloading.Lock()
	defer d.reloading.Unlock()
	d.manager.Reloading()
	defer d.manager.Ready()
	old := d.config()
	cfg, err := d.Load()
	if err == nil {
		err = d.config().changeable(cfg)
	}
	if err == nil {
		err = d.apply(ctx, cfg)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		d.problem = exit.Text(err)
		return done, err
	}
	d.problem = ""
	done = control.Reloaded{Accounts: len(cfg.Accounts), Added: len(removed(cfg, old)), Removed: len(removed(old, cfg))}
	d.log.Info("configuration loaded", zap.String("config", cfg.File), zap.Int("accounts", done.Accounts),
		zap.Int("added", done.Added), zap.Int("removed", done.Removed))
	return done, nil
}

// reloadProblem is why a configuration was not put into force, and the next step, which there always is.
func (d *Service) reloadProblem(err error) (text, hint string) {
	text, hint = exit.Apart(err)
	return text, cmp.Or(hint, ReloadHint)
}

// ReloadHint is what to do about a configuration that could not be put into force, where nothing else is said.
const ReloadHint = "correct it, then say: popsync reload; until then a running daemon goes on with the one that it has"

// changeable tells whether a running daemon can take another configuration.
func (c *Config) changeable(cfg *Config) error {
	for i, now := range c.Fixed {
		if cfg.Fixed[i] != now {
			return nextstep.With(fmt.Errorf("%s: %s changed", cfg.File, now.Key), "restart the daemon: that cannot change while it runs")
		}
	}
	return nil
}

func (d *Service) config() *Config {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.cfg
}
