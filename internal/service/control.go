package service

import (
	"context"
	"errors"
	"os"
	"slices"
	"time"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/internal/control"
	"github.com/popsync/popsync/internal/passes"
	"github.com/popsync/popsync/uidl"
)

// Status joins what the loop, the running passes and the alarms know.
func (d *Service) Status(context.Context) (control.Status, error) {
	troubles := d.alarms.Troubles()
	states := d.loop.State()
	now := time.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	st := control.Status{
		PID: os.Getpid(), Version: d.Version, Started: d.started, Config: d.cfg.Owner, StateDir: d.cfg.StateDir,
		ReloadProblem: d.problem, Accounts: make([]control.Account, 0, len(states)),
	}
	for _, s := range states {
		a := control.Account{Account: s.Name, NextRun: s.Next, Waiting: s.Waiting, Paused: s.Paused, Slow: s.Slow}
		if s.NotBefore.After(now) {
			a.NotBefore, a.Reason = s.NotBefore, d.reasons[s.Name]
		}
		if s.Running {
			a.RunningSince = s.Since
		}
		if rep, ok := d.audience.of(s.Name); ok && s.Running {
			p := passes.Progress(rep)
			a.Progress = &p
		}
		if i, ok := troubles[s.Name]; ok {
			a.TroubleSince, a.Alarmed = i.Since, i.Told
		}
		st.Accounts = append(st.Accounts, a)
	}
	return st, nil
}

// Wake makes accounts due now.
func (d *Service) Wake(_ context.Context, accounts []string) (unknown []string, err error) {
	return d.loop.Wake(accounts...), nil
}

// Pause keeps the loop from starting an account, at once, and has the ledger remember it as soon as the account is free.
func (d *Service) Pause(ctx context.Context, account string, paused bool) error {
	ctx = context.WithoutCancel(ctx)
	unknown := &control.UnknownError{Accounts: []string{account}}
	if !slices.ContainsFunc(d.config().Accounts, func(c Account) bool { return c.Name == account }) {
		return unknown
	}
	if !paused { // before the loop may start it: the pass would find the account in use, or still paused
		if err := d.savePause(ctx, account, false); err != nil {
			return err
		}
	}
	if err := d.loop.Pause(account, paused); err != nil {
		return unknown
	}
	if paused {
		return d.savePause(ctx, account, true)
	}
	return nil
}

// Reload reads the configuration again.
func (d *Service) Reload(ctx context.Context) (control.Reloaded, error) {
	done, err := d.reload(context.WithoutCancel(ctx))
	if err != nil {
		text, hint := d.reloadProblem(err)
		return done, &control.ReloadError{Text: text, NextStep: hint}
	}
	return done, nil
}

// savePause writes down that an account is paused, or leaves it to the end of the pass that runs.
func (d *Service) savePause(ctx context.Context, account string, paused bool) error {
	ledger, err := d.config().Names().Tomorrow(ctx, d.ledger) // it may not have been able to follow a new name yet
	if err != nil {
		return err
	}
	err = health.Pause(ctx, ledger, account, paused)
	if errors.Is(err, uidl.ErrBusy) {
		d.mu.Lock()
		d.unsaved[account] = paused
		d.mu.Unlock()
		return nil
	}
	return err
}
