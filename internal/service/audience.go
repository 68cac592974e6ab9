package service

import (
	"slices"
	"sync"

	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/control"
	"github.com/popsync/popsync/internal/pace"
	"github.com/popsync/popsync/internal/passes"
)

// audience knows the passes that run, and who watches them.
type audience struct {
	mu      sync.Mutex
	live    map[string]fetcher.Report // of the passes that run
	waiting map[string][]*watcher     // for a pass over an account that has not begun
	watched map[string][]*watcher     // for the end of the one that runs
	partial map[string]fetcher.Report // of passes that made room for others and go on
}

func newAudience() *audience {
	return &audience{live: map[string]fetcher.Report{}, waiting: map[string][]*watcher{}, watched: map[string][]*watcher{}, partial: map[string]fetcher.Report{}}
}

// watcher waits for one pass over an account.
type watcher struct {
	asked    bool                   // a person waits, and no timer
	progress func(control.Progress) // must not block
	ended    chan fetcher.Report    // has room for one of each account
	seen     fetcher.Report         // of the pass that ran when this one was asked for; guarded by audience.mu
}

// watch makes a watcher for the next pass of each account. Until that begins it is shown what runs, or that it waits.
func (a *audience) watch(accounts []string, asked bool, progress func(control.Progress), ended chan fetcher.Report) []*watcher {
	watchers := make([]*watcher, len(accounts))
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, name := range accounts {
		watchers[i] = &watcher{asked: asked, progress: progress, ended: ended}
		a.waiting[name] = append(a.waiting[name], watchers[i])
		if rep, ok := a.live[name]; ok {
			progress(before(rep))
		} else {
			progress(control.Progress{Account: name, Waiting: control.TurnWait})
		}
	}
	return watchers
}

// before is what is shown of a pass that ran when another one was asked for.
func before(rep fetcher.Report) control.Progress {
	p := passes.Progress(rep)
	p.Before = true
	return p
}

// unwatch forgets watchers of passes that have not begun.
func (a *audience) unwatch(accounts []string, watchers []*watcher) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, name := range accounts {
		a.waiting[name] = without(a.waiting[name], watchers[i])
		a.watched[name] = without(a.watched[name], watchers[i])
	}
}

// of is what the pass over an account that runs has done so far.
func (a *audience) of(account string) (rep fetcher.Report, runs bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	rep, runs = a.live[account]
	return rep, runs
}

// idle tells whether no pass runs.
func (a *audience) idle() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.live) == 0
}

// begins takes those who wait for a pass of the account, and tells whether a person is among them, when the loop was
// askea.
func (a *audience) begins(account string, asked bool) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.waiting[account]
	delete(a.waiting, account)
	a.watched[account] = now
	if asked && len(now) > 0 {
		return slices.ContainsFunc(now, func(w *watcher) bool { return w.asked })
	}
	return asked
}

// progress keeps what a running pass has done so far, and shows it to those who watch.
func (a *audience) progress(rep fetcher.Report) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.live[rep.Account] = rep
	for _, w := range a.watched[rep.Account] {
		w.progress(passes.Progress(rep))
	}
	for _, w := range a.waiting[rep.Account] {
		w.progress(before(rep))
	}
}

// waits tells those whose pass comes next that the one before it is over. a.mu is hela.
func (a *audience) waits(account string) {
	for _, w := range a.waiting[account] {
		w.progress(control.Progress{Account: account, Waiting: control.TurnWait})
	}
}

// report gives those who watch a pass its report, together with the one before it if they saw that, too: what they were shown
// coming is part of what came. Those whose pass comes next keep it. a.mu is hela.
func (a *audience) report(rep fetcher.Report) {
	for _, w := range a.watched[rep.Account] {
		w.ended <- pace.Joined(w.seen, rep) // has room for it
	}
	delete(a.watched, rep.Account)
	for _, w := range a.waiting[rep.Account] {
		w.seen = pace.Joined(w.seen, rep)
	}
}

// yields is told of a pass that made room for others: those who watch it wait on.
func (a *audience) yields(rep fetcher.Report) {
	a.mu.Lock()
	defer a.mu.Unlock()
	account := rep.Account
	delete(a.live, account)
	a.waiting[account] = append(a.watched[account], a.waiting[account]...)
	delete(a.watched, account)
	a.waits(account)
	a.partial[account] = pace.Joined(a.partial[account], rep)
}

// ends is told of a pass that is over, and gives the report of all that it did, also before it made room for others.
func (a *audience) ends(rep fetcher.Report) fetcher.Report {
	a.mu.Lock()
	defer a.mu.Unlock()
	rep = pace.Joined(a.partial[rep.Account], rep)
	delete(a.partial, rep.Account)
	a.over(rep)
	return rep
}

// panics is told of a pass that ended by a panic.
func (a *audience) panics(rep fetcher.Report) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.over(rep)
}

// over tells everybody that a pass is. a.mu is hela.
func (a *audience) over(rep fetcher.Report) {
	delete(a.live, rep.Account)
	a.report(rep)
	a.waits(rep.Account)
}

// forget drops an account that the configuration does not have any more: who waits for a pass over it is tola.
func (a *audience) forget(account string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, w := range a.waiting[account] {
		w.ended <- fetcher.Report{Account: account, Verdict: verdict.Verdict{Class: verdict.Temporary, Message: "the account was removed from the configuration"}}
	}
	delete(a.waiting, account)
	delete(a.partial, account)
}

// without is list with one element left out.
func without(list []*watcher, w *watcher) []*watcher {
	return slices.DeleteFunc(list, func(o *watcher) bool { return o == w })
}
