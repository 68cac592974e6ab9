package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"time"

	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/internal/control"
	"github.com/popsync/popsync/internal/outcome"
	"github.com/popsync/popsync/uidl"
)

// handler answers commands: control.Handler.
type handler struct{ *daemon }

var _ control.Handler = handler{}

// Status joins what the loop, the running passes and the alarms know.
func (d handler) Status(context.Context) (control.Status, error) {
	troubles := d.alarms.troubles()
	states := d.loop.State()
	now := time.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	st := control.Status{
		PID: os.Getpid(), Version: versionText(), Started: d.started, Config: ownerOf(d.cfg), StateDir: d.cfg.StateDir,
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
		if rep, ok := d.live[s.Name]; ok && s.Running {
			p := progressOf(rep)
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
func (d handler) Wake(_ context.Context, accounts []string) (unknown []string, err error) {
	return d.loop.Wake(accounts...), nil
}

// Pause keeps the loop from starting an account, at once, and has the ledger remember it as soon as the account is free.
func (d handler) Pause(ctx context.Context, account string, paused bool) error {
	ctx = context.WithoutCancel(ctx)
	unknown := &control.UnknownError{Accounts: []string{account}}
	if accountOf(d.config(), account).Name == "" {
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
func (d handler) Reload(ctx context.Context) (control.Reloaded, error) {
	done, err := d.reload(context.WithoutCancel(ctx))
	if err != nil {
		text, hint := reloadProblem(err)
		return done, &control.ReloadError{Text: text, NextStep: hint}
	}
	return done, nil
}

// savePause writes down that an account is paused, or leaves it to the end of the pass that runs.
func (d *daemon) savePause(ctx context.Context, account string, paused bool) error {
	ledger, err := knownAs(ctx, d.config(), d.ledger) // it may not have been able to follow a new name yet
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

// watcher waits for one pass over an account.
type watcher struct {
	asked    bool                   // a person waits, and no timer
	progress func(control.Progress) // must not block
	ended    chan fetcher.Report    // has room for one of each account
	seen     fetcher.Report         // of the pass that ran when this one was asked for; guarded by daemon.mu
}

// Run wakes accounts and waits for the ends of the passes that begin then. What runs already, and comes before them, is shown.
func (d handler) Run(ctx context.Context, q control.RunRequest, progress func(control.Progress), report func(json.RawMessage)) error {
	paused := map[string]bool{}
	accounts := q.Accounts
	for _, s := range d.loop.State() {
		paused[s.Name] = s.Paused
		if len(q.Accounts) == 0 {
			accounts = append(accounts, s.Name)
		}
	}
	var unknown []string
	for _, name := range accounts {
		if _, ok := paused[name]; !ok {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		return &control.UnknownError{Accounts: unknown}
	}
	tell := func(rep fetcher.Report) error {
		progress(control.Progress{Account: rep.Account, Ended: true})
		doc, err := json.Marshal(rep)
		if err == nil {
			report(doc)
		}
		return err
	}
	if !q.Named {
		for _, name := range accounts {
			if paused[name] {
				if err := tell(outcome.Paused(name)); err != nil {
					return err
				}
			}
		}
		accounts = slices.DeleteFunc(slices.Clone(accounts), func(name string) bool { return paused[name] })
	}
	if len(accounts) == 0 {
		return nil
	}
	ended := make(chan fetcher.Report, len(accounts))
	watchers := d.watch(accounts, q.Asked, progress, ended)
	defer d.unwatch(accounts, watchers)
	d.loop.Wake(accounts...)
	for range accounts {
		select {
		case rep := <-ended:
			if err := tell(rep); err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// watch makes a watcher for the next pass of each account. Until that begins it is shown what runs, or that it waits.
func (d *daemon) watch(accounts []string, asked bool, progress func(control.Progress), ended chan fetcher.Report) []*watcher {
	watchers := make([]*watcher, len(accounts))
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, name := range accounts {
		watchers[i] = &watcher{asked: asked, progress: progress, ended: ended}
		d.waiting[name] = append(d.waiting[name], watchers[i])
		if rep, ok := d.live[name]; ok {
			progress(before(rep))
		} else {
			progress(control.Progress{Account: name, Waiting: control.TurnWait})
		}
	}
	return watchers
}

// before is what is shown of a pass that ran when another one was asked for.
func before(rep fetcher.Report) control.Progress {
	p := progressOf(rep)
	p.Before = true
	return p
}

// unwatch forgets watchers of passes that have not begun.
func (d *daemon) unwatch(accounts []string, watchers []*watcher) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, name := range accounts {
		d.waiting[name] = without(d.waiting[name], watchers[i])
		d.watched[name] = without(d.watched[name], watchers[i])
	}
}
