package main

import (
	"context"
	"io"
	"os"
	"time"

	"go.uber.org/zap"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/internal/control"
	"github.com/popsync/popsync/internal/passes"
	"github.com/popsync/popsync/internal/screen"
	"github.com/popsync/popsync/internal/terminal"
)

// daemonRun makes the running daemon, if there is one, run the passes: it has the accounts, and would only be in the way.
// What is left has to be done here: accounts that it does not know, and those whose password it would have to ask for.
// resident: there is a daemon.
func (a fetching) daemonRun(ctx context.Context, cfg *config.Config, accounts []config.Account, w wish, log *zap.Logger) (done map[string]fetcher.Report, left []config.Account, resident bool) {
	d := passes.Resident{
		Find:   func(ctx context.Context) (*control.Client, control.Status, error) { return a.findDaemon(ctx, cfg) },
		Traced: a.transcript != nil, Asked: w.asked, Named: w.named, Log: log,
	}
	if a.live != nil {
		d.Live = a.live.Show
	}
	for _, acc := range accounts {
		if acc.Secret.Kind == config.SecretPrompt && terminal.Is(a.In) {
			d.Here = append(d.Here, acc.Name)
		}
	}
	done, names, resident := d.Run(ctx, accountNames(accounts))
	if len(names) > 0 { // none named would mean all
		left, _ = pick(cfg, names)
	}
	return done, left, resident
}

// newLive begins to show running passes if a person is watching a terminal that can do it; nil otherwise.
func (a fetching) newLive() *terminal.Board {
	if t := os.Getenv("TERM"); !a.ErrTerm || t == "" || t == "dumb" {
		return nil
	}
	return terminal.NewBoard(screen.Raw(a.Err), a.ErrSize, time.Now)
}

// logWriter is where the log goes: above what is shown live, and not into the midst of a question.
func (a *app) logWriter() io.Writer {
	switch {
	case a.live != nil:
		return a.live
	case a.lines != nil:
		return a.lines
	}
	return a.Err
}
