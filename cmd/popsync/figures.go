package main

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/metrics"
	"github.com/popsync/popsync/uidl"
)

// passOf is a pass as the metrics count it.
func passOf(rep fetcher.Report) metrics.Pass {
	return metrics.Pass{
		Account: rep.Account, Ended: rep.Started.Add(rep.Duration), Duration: rep.Duration, Class: string(rep.Verdict.Class),
		Cut: rep.Stopped, Messages: rep.New, Bytes: rep.Bytes, Deleted: rep.Deleted, Quarantined: rep.Quarantined, PassTime: rep.PassTime,
	}
}

// pastOf is what the ledger remembers of an account's passes.
func pastOf(s uidl.Summary) metrics.Past {
	p := metrics.Past{Failures: s.Failures}
	if s.SucceededAt != 0 {
		p.LastSuccess = time.Unix(s.SucceededAt, 0)
	}
	if s.Last != nil {
		p.LastPass = time.Unix(s.Last.Ended, 0)
	}
	return p
}

// gaugesOf is how the ledger has an account now.
func gaugesOf(s uidl.Summary) metrics.Gauges {
	standing := health.Standing(s)
	return metrics.Gauges{Parked: s.Parked, PutOff: s.PutOff, Backlog: s.Wanted, Paused: !standing.Paused.IsZero(), Slow: standing.Slow}
}

// seed makes the accounts of a configuration known to the metrics.
func (d *daemon) seed(cfg *config.Config, known map[string]uidl.Summary) {
	for _, c := range cfg.Accounts {
		d.metrics.Seed(c.Name, pastOf(known[c.Name]))
		d.mu.Lock()
		d.gauges[c.Name] = gaugesOf(known[c.Name])
		d.mu.Unlock()
	}
}

// measure counts a pass. One that failed early has not counted what is open, and what it says of that is not taken.
func (d *daemon) measure(rep fetcher.Report) {
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
		d.metrics.Pass(passOf(rep))
	}
}

// refresh sets what changes between passes, before somebody reads the metrics.
func (d *daemon) refresh() {
	states := d.loop.State()
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range states {
		g := d.gauges[s.Name]
		g.NextRun, g.Paused, g.Slow = s.Next, s.Paused, s.Slow
		d.metrics.Set(s.Name, g)
	}
}

// figures is what a run leaves behind for node-exporter; nil: nobody wants it.
type figures struct {
	m   *metrics.Metrics
	log *zap.Logger
}

// newFigures begins with what the ledger remembers before the passes of the run: it counts them, too.
func newFigures(ctx context.Context, cfg *config.Config, ledger uidl.Ledger, log *zap.Logger) *figures {
	if cfg.Metrics.Textfile == "" {
		return nil
	}
	f := &figures{metrics.New(metrics.Options{Version: versionText()}), log}
	sums, err := ledger.Summaries(ctx)
	if err != nil {
		f.failed(err)
		return nil
	}
	known := byName(sums)
	for _, c := range cfg.Accounts {
		f.m.Seed(c.Name, pastOf(known[c.Name]))
	}
	return f
}

func (f *figures) failed(err error) {
	f.log.Warn("metrics not written", zap.String("error", errorText(err)))
}

// write counts the passes and writes the file.
func (f *figures) write(ctx context.Context, cfg *config.Config, ledger uidl.Ledger, reports []fetcher.Report) {
	if f == nil {
		return
	}
	sums, err := ledger.Summaries(ctx)
	if err != nil {
		f.failed(err)
		return
	}
	known := byName(sums)
	for _, c := range cfg.Accounts {
		f.m.Set(c.Name, gaugesOf(known[c.Name]))
	}
	for _, rep := range reports {
		if !rep.Untried && !rep.Errand {
			f.m.Pass(passOf(rep))
		}
	}
	if err := f.m.WriteTextfile(cfg.Metrics.Textfile); err != nil {
		f.failed(err)
	}
}
