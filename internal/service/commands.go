package service

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/internal/control"
	"github.com/popsync/popsync/internal/outcome"
)

// commands is the service as commands see it: control.Handler.
type commands struct{ *Service }

var _ control.Handler = commands{}

// Run wakes accounts and waits for the ends of the passes that begin then. What runs already, and comes before them, is shown.
func (d commands) Run(ctx context.Context, q control.RunRequest, progress func(control.Progress), report func(json.RawMessage)) error {
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
	watchers := d.audience.watch(accounts, q.Asked, progress, ended)
	defer d.audience.unwatch(accounts, watchers)
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
