package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/control"
	"github.com/popsync/popsync/internal/outcome"
	"github.com/popsync/popsync/internal/screen"
	"github.com/popsync/popsync/internal/terminal"
)

// daemonPasses are the reports of passes that the daemon made, by account.
type daemonPasses map[string]fetcher.Report

// join puts the reports of all passes in the order of their accounts.
func (d daemonPasses) join(accounts []config.Account, local []fetcher.Report) []fetcher.Report {
	for _, r := range local {
		d[r.Account] = r
	}
	all := make([]fetcher.Report, len(accounts))
	for i, c := range accounts {
		all[i] = d[c.Name]
	}
	return all
}

// daemonRun makes the running daemon, if there is one, run the passes: it has the accounts, and would only be in the way.
// What is left has to be done here: accounts that it does not know, and those whose password it would have to ask for.
// resident: there is a daemon.
func (a *app) daemonRun(ctx context.Context, cfg *config.Config, accounts []config.Account, w wish, log *zap.Logger) (done daemonPasses, left []config.Account, resident bool) {
	done = daemonPasses{}
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
	known := map[string]bool{}
	for _, acc := range st.Accounts {
		known[acc.Account] = true
	}
	var names []string
	var theirs []config.Account
	for _, acc := range accounts {
		if !known[acc.Name] || acc.Secret.Kind == config.SecretPrompt && terminal.Is(a.in) {
			left = append(left, acc)
			continue
		}
		names, theirs = append(names, acc.Name), append(theirs, acc)
	}
	if len(names) == 0 {
		return done, left, true
	}
	log.Debug("the daemon makes the passes", zap.Int("pid", st.PID), zap.Int("accounts", len(names)))
	raw, err := c.Run(ctx, control.RunRequest{Accounts: names, Asked: w.asked, Named: w.named}, a.watching(log))
	var unknown *control.UnknownError
	if errors.Is(err, control.ErrNoDaemon) || errors.As(err, &unknown) {
		return done, accounts, true // it ended, or read its configuration anew, just now, and began nothing
	}
	for _, doc := range raw {
		var rep fetcher.Report
		if json.Unmarshal(doc, &rep) == nil && rep.Verdict.Class != "" {
			done[rep.Account] = rep
		}
	}
	for _, acc := range theirs {
		_, ok := done[acc.Name]
		switch {
		case ok:
		case ctx.Err() != nil:
			done[acc.Name] = outcome.Unwatched(acc.Name)
		default:
			done[acc.Name] = fetcher.Report{Account: acc.Name, Verdict: unreported(err)}
		}
		logReport(log, done[acc.Name])
	}
	return done, left, true
}

// unreported is the verdict of a pass that the daemon gave no report of.
func unreported(err error) verdict.Verdict {
	v := verdict.Verdict{Class: verdict.Temporary, Hint: "what was received whole is safe; see popsync status, and the daemon's log"}
	if err != nil {
		v.Message = err.Error()
	} else {
		v.Class, v.Message = verdict.Internal, "the daemon gave no report"
	}
	return v
}

// watching shows how the daemon's passes get on. Where nothing can be shown live, one line tells a person why nothing happens.
func (a *app) watching(log *zap.Logger) func(control.Progress) {
	told := map[string]bool{}
	return func(p control.Progress) {
		a.live.Show(p)
		if a.live == nil && p.Before && !told[p.Account] {
			told[p.Account] = true
			log.Info("a pass runs already, and one more follows", zap.String("account", p.Account), zap.Time("since", p.Started))
		}
	}
}

// logReport writes the line of a pass that the daemon made; its messages are in the daemon's log.
func logReport(log *zap.Logger, r fetcher.Report) {
	fields := []zap.Field{
		zap.String("account", r.Account), zap.Int("new", r.New), zap.Int64("octets", r.Bytes), zap.Int("kept", r.Kept),
		zap.Int("deleted", r.Deleted), zap.Int("listed", r.Listed), zap.Duration("took", r.Duration), zap.Bool("by_daemon", true),
	}
	switch {
	case outcome.GoesOn(r):
		log.Info("stopped watching", zap.String("account", r.Account), zap.Bool("by_daemon", true))
		return
	case r.Stopped:
		log.Info("pass stopped", fields...)
		return
	case r.Untried && (r.Verdict.Class == verdict.OK || r.Busy):
		log.Info("pass put off", append(fields, zap.String("note", strings.Join(r.Notes, "; ")))...)
		return
	case r.Verdict.Class == verdict.OK:
		log.Info("pass finished", fields...)
		return
	}
	log.Error("pass failed", append(fields, zap.String("error", r.Verdict.Message), zap.String("next_step", r.Verdict.Hint))...)
}

// newLive begins to show running passes if a person is watching a terminal that can do it; nil otherwise.
func (a *app) newLive() *terminal.Board {
	if t := os.Getenv("TERM"); !a.errTerm || t == "" || t == "dumb" {
		return nil
	}
	return terminal.NewBoard(screen.Raw(a.err), a.errSize, time.Now)
}

// logWriter is where the log goes: above what is shown live, and not into the midst of a question.
func (a *app) logWriter() io.Writer {
	switch {
	case a.live != nil:
		return a.live
	case a.lines != nil:
		return a.lines
	}
	return a.err
}

// progressOf is what a person sees of a pass that is running.
func progressOf(rep fetcher.Report) control.Progress {
	return control.Progress{Account: rep.Account, Started: rep.Started, Messages: rep.New, Bytes: rep.Bytes,
		Planned: rep.Planned, PlannedBytes: rep.PlannedBytes, Waiting: rep.Waiting}
}
