package passes

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"go.uber.org/zap"

	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/control"
	"github.com/popsync/popsync/internal/outcome"
)

// Resident is the daemon that may be running, which makes passes if it can: it has the accounts, and would only be in the way.
type Resident struct {
	// Find finds it, and what it says of itself; control.ErrNoDaemon.
	Find         func(context.Context) (*control.Client, control.Status, error)
	Here         []string // accounts whose password it would have to ask for
	Traced       bool     // a transcript is wanted, which would not have what the daemon says to servers
	Asked, Named bool     // see control.RunRequest
	Log          *zap.Logger
	// Live is told how the passes get on; nil: nothing can be shown live, and one line tells a person why nothing happens.
	Live func(control.Progress)
}

// Run has the daemon make the passes over these accounts, and gives its reports. left are those that have to be passed over here: what it does
// not know, what it would have to ask for, all if there is none or it cannot do it now. resident: there is a daemon.
func (d Resident) Run(ctx context.Context, accounts []string) (done map[string]fetcher.Report, left []string, resident bool) {
	done = map[string]fetcher.Report{}
	c, st, err := d.Find(ctx)
	if errors.Is(err, control.ErrNoDaemon) {
		return done, accounts, false
	} else if err != nil {
		d.Log.Warn("the daemon does not answer; passes are made here", zap.String("error", err.Error()))
		return done, accounts, true
	}
	if d.Traced {
		d.Log.Info("passes are made here, not by the daemon, because of --trace")
		return done, accounts, true
	}
	theirs := map[string]bool{}
	for _, acc := range st.Accounts {
		theirs[acc.Account] = true
	}
	var names []string
	for _, name := range accounts {
		if theirs[name] && !slices.Contains(d.Here, name) {
			names = append(names, name)
		} else {
			left = append(left, name)
		}
	}
	if len(names) == 0 {
		return done, left, true
	}
	d.Log.Debug("the daemon makes the passes", zap.Int("pid", st.PID), zap.Int("accounts", len(names)))
	done, began := byDaemon(ctx, c, control.RunRequest{Accounts: names, Asked: d.Asked, Named: d.Named}, d.Log, d.watching())
	if !began {
		return done, accounts, true // it ended, or read its configuration anew, just now
	}
	return done, left, true
}

// watching shows how the daemon's passes get on.
func (d Resident) watching() func(control.Progress) {
	if d.Live != nil {
		return d.Live
	}
	told := map[string]bool{}
	return func(p control.Progress) {
		if p.Before && !told[p.Account] {
			told[p.Account] = true
			d.Log.Info("a pass runs already, and one more follows", zap.String("account", p.Account), zap.Time("since", p.Started))
		}
	}
}

// byDaemon has the running daemon make the passes that q asks for, and gives its reports by account; show is told how they get on.
// began is false when it began nothing: it has ended, or does not know an account.
func byDaemon(ctx context.Context, c *control.Client, q control.RunRequest, log *zap.Logger, show func(control.Progress)) (done map[string]fetcher.Report, began bool) {
	done = map[string]fetcher.Report{}
	raw, err := c.Run(ctx, q, show)
	var unknown *control.UnknownError
	if errors.Is(err, control.ErrNoDaemon) || errors.As(err, &unknown) {
		return done, false // it ended, or read its configuration anew, just now, and began nothing
	}
	for _, doc := range raw {
		var rep fetcher.Report
		if json.Unmarshal(doc, &rep) == nil && rep.Verdict.Class != "" {
			done[rep.Account] = rep
		}
	}
	for _, name := range q.Accounts {
		_, ok := done[name]
		switch {
		case ok:
		case ctx.Err() != nil:
			done[name] = outcome.Unwatched(name)
		default:
			done[name] = fetcher.Report{Account: name, Verdict: unreported(err)}
		}
		logReport(log, done[name])
	}
	return done, true
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

// Progress is what a person sees of a pass that is running.
func Progress(rep fetcher.Report) control.Progress {
	return control.Progress{Account: rep.Account, Started: rep.Started, Messages: rep.New, Bytes: rep.Bytes,
		Planned: rep.Planned, PlannedBytes: rep.PlannedBytes, Waiting: rep.Waiting}
}

// Join puts the reports of all passes in the order of their accounts.
func Join(accounts []string, theirs map[string]fetcher.Report, ours []fetcher.Report) []fetcher.Report {
	for _, r := range ours {
		theirs[r.Account] = r
	}
	all := make([]fetcher.Report, len(accounts))
	for i, name := range accounts {
		all[i] = theirs[name]
	}
	return all
}
