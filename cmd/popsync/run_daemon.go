package main

import (
	"context"
	"errors"
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
	done = map[string]fetcher.Report{}
	c, st, err := a.findDaemon(ctx, cfg)
	if errors.Is(err, control.ErrNoDaemon) {
		return done, accounts, false
	} else if err != nil {
		log.Warn("the daemon does not answer; passes are made here", zap.String("error", err.Error()))
		return done, accounts, true
	}
	if a.transcript != nil { // what the daemon says to servers would not be in it
		log.Info("passes are made here, not by the daemon, because of --trace")
		return done, accounts, true
	}
	theirs := map[string]bool{}
	for _, acc := range st.Accounts {
		theirs[acc.Account] = true
	}
	var names []string
	for _, acc := range accounts {
		if !theirs[acc.Name] || acc.Secret.Kind == config.SecretPrompt && terminal.Is(a.In) {
			left = append(left, acc)
			continue
		}
		names = append(names, acc.Name)
	}
	if len(names) == 0 {
		return done, left, true
	}
	log.Debug("the daemon makes the passes", zap.Int("pid", st.PID), zap.Int("accounts", len(names)))
	done, began := passes.ByDaemon(ctx, c, control.RunRequest{Accounts: names, Asked: w.asked, Named: w.named}, log, a.watching(log))
	if !began {
		return done, accounts, true // it ended, or read its configuration anew, just now
	}
	return done, left, true
}

// watching shows how the daemon's passes get on. Where nothing can be shown live, one line tells a person why nothing happens.
func (a fetching) watching(log *zap.Logger) func(control.Progress) {
	told := map[string]bool{}
	return func(p control.Progress) {
		a.live.Show(p)
		if a.live == nil && p.Before && !told[p.Account] {
			told[p.Account] = true
			log.Info("a pass runs already, and one more follows", zap.String("account", p.Account), zap.Time("since", p.Started))
		}
	}
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
