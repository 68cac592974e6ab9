// Package figures counts passes for monitoring: it turns what passes report, and what the ledger remembers of accounts, into the
// figures of internal/metrics, and writes the file that a run leaves behind.
//
// The daemon and 'popsync run' call it. What goes wrong is in the log: no pass is the worse for it.
package figures

import (
	"context"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/internal/metrics"
	"github.com/popsync/popsync/uidl"
)

// Pass is a pass as the metrics count it.
func Pass(rep fetcher.Report) metrics.Pass {
	return metrics.Pass{
		Account: rep.Account, Ended: rep.Started.Add(rep.Duration), Duration: rep.Duration, Class: string(rep.Verdict.Class),
		Cut: rep.Stopped, Messages: rep.New, Bytes: rep.Bytes, Deleted: rep.Deleted, Quarantined: rep.Quarantined, PassTime: rep.PassTime,
	}
}

// Past is what the ledger remembers of an account's passes.
func Past(s uidl.Summary) metrics.Past {
	p := metrics.Past{Failures: s.Failures}
	if s.SucceededAt != 0 {
		p.LastSuccess = time.Unix(s.SucceededAt, 0)
	}
	if s.Last != nil {
		p.LastPass = time.Unix(s.Last.Ended, 0)
	}
	return p
}

// Gauges is how the ledger has an account now.
func Gauges(s uidl.Summary) metrics.Gauges {
	standing := health.Standing(s)
	return metrics.Gauges{Parked: s.Parked, PutOff: s.PutOff, Backlog: s.Wanted, Paused: !standing.Paused.IsZero(), Slow: standing.Slow}
}

// File is what a run leaves behind for node-exporter; nil: nobody wants it.
type File struct {
	path     string
	accounts []string
	ledger   uidl.Ledger
	m        *metrics.Metrics
	log      *zap.Logger
}

// NewFile begins with what the ledger remembers of accounts before the passes of the run: it counts them, too. path is where it is
// written; "": nowhere. version is that of popsync.
func NewFile(ctx context.Context, path, version string, accounts []string, ledger uidl.Ledger, log *zap.Logger) *File {
	if path == "" {
		return nil
	}
	f := &File{path, accounts, ledger, metrics.New(metrics.Options{Version: version}), log}
	sums, err := ledger.Summaries(ctx)
	if err != nil {
		f.failed(err)
		return nil
	}
	known := byName(sums)
	for _, c := range f.accounts {
		f.m.Seed(c, Past(known[c]))
	}
	return f
}

func (f *File) failed(err error) {
	f.log.Warn("metrics not written", zap.String("error", strings.TrimSpace(err.Error())))
}

// Write counts the passes and writes the file.
func (f *File) Write(ctx context.Context, reports []fetcher.Report) {
	if f == nil {
		return
	}
	sums, err := f.ledger.Summaries(ctx)
	if err != nil {
		f.failed(err)
		return
	}
	known := byName(sums)
	for _, c := range f.accounts {
		f.m.Set(c, Gauges(known[c]))
	}
	for _, rep := range reports {
		if !rep.Untried && !rep.Errand {
			f.m.Pass(Pass(rep))
		}
	}
	if err := f.m.WriteTextfile(f.path); err != nil {
		f.failed(err)
	}
}

func byName(sums []uidl.Summary) map[string]uidl.Summary {
	known := make(map[string]uidl.Summary, len(sums))
	for _, s := range sums {
		known[s.Name] = s
	}
	return known
}
