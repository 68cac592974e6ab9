package service

import (
	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/figures"
	"github.com/popsync/popsync/uidl"
)

// seed makes the accounts of a configuration known to the metrics.
func (d *Service) seed(cfg *Config, known map[string]uidl.Summary) {
	for _, c := range cfg.Accounts {
		d.metrics.Seed(c.Name, figures.Past(known[c.Name]))
		d.mu.Lock()
		d.gauges[c.Name] = figures.Gauges(known[c.Name])
		d.mu.Unlock()
	}
}

// measure counts a pass. One that failed early has not counted what is open, and what it says of that is not taken.
func (d *Service) measure(rep fetcher.Report) {
	if rep.Counted {
		d.mu.Lock()
		g := d.gauges[rep.Account]
		g.Parked, g.PutOff = rep.Parked, rep.PutOff
		if rep.Verdict.Class == verdict.OK && !rep.Untried {
			g.Backlog = rep.Pending
		}
		d.gauges[rep.Account] = g
		d.mu.Unlock()
	}
	if !rep.Untried && !rep.Errand {
		d.metrics.Pass(figures.Pass(rep))
	}
}

// refresh sets what changes between passes, before somebody reads the metrics.
func (d *Service) refresh() {
	states := d.loop.State()
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range states {
		g := d.gauges[s.Name]
		g.NextRun, g.Paused, g.Slow = s.Next, s.Paused, s.Slow
		d.metrics.Set(s.Name, g)
	}
}
