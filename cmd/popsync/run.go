package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/names"
	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/internal/outcome"
	"github.com/popsync/popsync/internal/pace"
	"github.com/popsync/popsync/internal/screen"
	"github.com/popsync/popsync/internal/terminal"
	"github.com/popsync/popsync/schedule"
	"github.com/popsync/popsync/uidl"
)

func (a *app) runCommand() *cobra.Command {
	var dryRun, asJSON bool
	var trace string
	var v voice
	c := &cobra.Command{
		Use:   "run [ACCOUNT...]",
		Short: "Fetch and deliver new mail once, for all accounts or those named",
		Long: `Make one pass over every account, or those named: fetch what is new, deliver it, delete on the server what the
policy says. On a terminal you see how far each account is, and a table follows. When a daemon is running, it makes the
passes and this command shows how they go.

On standard error, a terminal, the journal and --verbose get every line of the log. Cron, and whatever else it leads to,
gets only what needs a person, once for each incident: see [alarm] in the configuration; with --dry-run, what failed. --quiet says that little
everywhere, and nothing on standard output. log.file has all lines.

From cron or a timer, without names, an account is left alone while its server wants time between logins, and a login
that was refused several times is tried once a day at most, or not at all. Named, or on a terminal, every account is tried at once.
A paused account is fetched only if it is named. One that another popsync works on is left alone, which is a failure only
if it is named.

With --trace, what this process and the servers say to each other is written to a file, for whoever looks for a fault: with
"<secret>" in place of all that belongs to a login, and of mail only how long it is. Passes are made here then, not by the daemon.

Ctrl-C, or SIGTERM, ends it within three seconds: what was received whole is safe, and the next run goes on. That is no
failure of the accounts; the exit code is 75 if something was cut off. A second one ends it at once.`,
		ValidArgsFunction: a.completeAccounts,
		RunE: func(cmd *cobra.Command, args []string) error {
			if v.quiet && v.verbose {
				return fail(exitUsage, "--quiet and --verbose are opposites: give one of them, for example: popsync run --quiet")
			}
			return a.run(cmd.Context(), args, v, trace, dryRun, asJSON)
		},
	}
	c.Flags().BoolVar(&dryRun, "dry-run", false, "log in and show what would be done; fetch, deliver and delete nothing")
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per account on standard output")
	traceFlag(c, &trace)
	c.Flags().BoolVar(&v.quiet, "quiet", false, "say only what needs a person, once; the default without a terminal")
	c.Flags().BoolVar(&v.verbose, "verbose", false, "write every line of the log to standard error; with --dry-run show sender, date and subject of messages too")
	return c
}

func (a *app) run(ctx context.Context, names []string, v voice, trace string, dryRun, asJSON bool) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	accounts, err := pick(cfg, names)
	if err != nil {
		return err
	}
	if err := notAsRoot(cfg); err != nil { // also before the log's file
		return err
	}
	traced, err := a.trace(trace)
	if err != nil {
		return err
	}
	defer traced()
	if !dryRun && !asJSON && !v.quiet {
		a.live = a.newLive()
	}
	defer a.live.Close()
	defer a.ends(ctx)()
	log, err := a.openRunLog(cfg, v, dryRun)
	if err != nil {
		return err
	}
	defer log.Close()
	if cfg.Log.File == "" && a.outTerm && a.errTerm && !v.verbose && !dryRun && !asJSON {
		log.Without("pass failed", "pass put off") // a table and what stands below it tell that
	}
	if a.news(v, dryRun) {
		a.told = &newsChannel{w: a.err}
	}
	w := wish{asked: len(names) > 0 || a.errTerm, named: len(names) > 0, dryRun: dryRun, headers: dryRun && v.verbose}
	theirs, ours, resident := daemonPasses{}, accounts, false
	if !dryRun {
		theirs, ours, resident = a.daemonRun(ctx, cfg, accounts, w, log.Logger)
	}
	reports, err := a.localRun(ctx, cfg, ours, log.Logger, w, resident)
	if err != nil {
		return err
	}
	a.live.Close()
	reports = theirs.join(accounts, reports)
	if v.quiet && !dryRun && !asJSON {
		return worst(reports)
	}
	err = a.show(reports, dryRun, asJSON)
	if text := outcome.Stop(reports); text != "" && a.errTerm {
		width, _ := a.errSize()
		fmt.Fprintln(a.err, screen.Wrap("popsync: "+text, "  ", width))
	}
	if w := worst(reports); w != nil { // what became of the mail counts more than what could not be printed
		return w
	}
	return err
}

// wish is what whoever runs popsync wants of the passes.
type wish struct {
	asked  bool // a person waits for them
	named  bool // and named the accounts
	dryRun bool // they are only to be foreseen

	headers bool // with dryRun: from whom and what about
}

// localRun makes the passes in this process. resident: a daemon works on the same ledger.
func (a *app) localRun(ctx context.Context, cfg *config.Config, accounts []config.Account, log *zap.Logger, w wish, resident bool) ([]fetcher.Report, error) {
	if len(accounts) == 0 {
		return nil, nil
	}
	var ledger uidl.Ledger = names.Empty{}
	var after func([]fetcher.Report)
	var held map[string]error
	switch {
	case !w.dryRun:
		l, err := openLedger(ctx, cfg)
		if err != nil {
			return nil, err
		}
		defer l.Close()
		if held, after, err = a.service(ctx, cfg, l, log, resident); err != nil {
			return nil, err
		}
		ledger = l
	case hasLedger(cfg): // to look creates nothing
		k, err := openKnown(ctx, cfg)
		if err != nil {
			return nil, err
		}
		defer k.Close()
		ledger, held = k, k.Held
	}
	if !w.dryRun {
		defer a.telling(ctx, cfg, accounts, log)()
	}
	memory := newMemory(cfg)
	reports := passes(ctx, cfg, accounts, ledger, log, a.live, func(c config.Account) (fetcher.Account, fetcher.Options, error) {
		if err := held[c.Name]; err != nil {
			return fetcher.Account{}, fetcher.Options{}, err
		}
		acc, err := a.wire(cfg, c, a.prompt(c))
		o := options(cfg.Limits)
		o.Log, o.DryRun, o.Headers, o.Asked, o.Named, o.Memory = log, w.dryRun, w.headers, w.asked, w.named, memory
		if a.live != nil {
			o.Progress = func(rep fetcher.Report) { a.live.Show(progressOf(rep)) }
		}
		return acc, o, err
	})
	if after != nil {
		after(reports)
	}
	return reports, nil
}

// service does for a run what the daemon does all the time: it follows renamed accounts, and afterwards, by the function
// that it returns, tells people of trouble and leaves figures for monitoring. held are accounts that cannot be run.
func (a *app) service(ctx context.Context, cfg *config.Config, ledger uidl.Ledger, log *zap.Logger, resident bool) (held map[string]error, after func([]fetcher.Report), err error) {
	held, al, err := follow(ctx, cfg, ledger, log, resident)
	if err != nil {
		return nil, nil, err
	}
	al.news = a.told
	figures := newFigures(ctx, cfg, ledger, log)
	return held, func(reports []fetcher.Report) {
		for _, rep := range reports {
			if a.errTerm && a.told == nil && rep.Verdict.Class != verdict.OK {
				continue // a person sees it
			}
			al.observe(ctx, accountOf(cfg, rep.Account), rep)
		}
		if ctx.Err() == nil { // whoever stopped it does not wait for that
			al.flush(ctx)
		}
		figures.write(context.WithoutCancel(ctx), cfg, ledger, reports)
	}, nil
}

// follow makes the ledger and the alarms follow accounts that were renamed, for a command that makes passes itself. held
// are accounts that cannot be run.
func follow(ctx context.Context, cfg *config.Config, ledger uidl.Ledger, log *zap.Logger, resident bool) (held map[string]error, al *alarms, err error) {
	if al, err = openAlarms(cfg, ledger, log, true); err != nil {
		return nil, nil, &exitError{exitConfig, err}
	}
	var barrier error
	if resident { // it would go on with the old name, and fetch all of its mail again
		barrier = nextstep.With(errors.New("it has a new name, and the running daemon does not know that yet"),
			"make the daemon read its configuration again: popsync reload")
	}
	if held, err = adoptNames(ctx, cfg, ledger, al, log, barrier); err != nil {
		return nil, nil, judged(err)
	}
	return held, al, nil
}

// passes runs a pass over each account, bounded by parallel and per_host; one that panics or fails leaves the others
// alone. Only a ledger that cannot be used stops everything. A pass logs its own end; log takes those that never began. live, if not
// nil, shows which are running.
func passes(ctx context.Context, cfg *config.Config, accounts []config.Account, l uidl.Ledger, log *zap.Logger, live *terminal.Board,
	wire func(config.Account) (fetcher.Account, fetcher.Options, error)) []fetcher.Report {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	reports := make([]fetcher.Report, len(accounts))
	began := make([]bool, len(accounts))
	jobs := make([]schedule.Job, len(accounts))
	slow := slowIn(ctx, cfg, l, len(accounts))
	for i, c := range accounts {
		var running atomic.Pointer[pace.Meter]
		var first fetcher.Report // what a pass did before it made room for others
		var brisk bool           // and whether it may go on among them
		reports[i] = outcome.Unstarted(c.Name)
		jobs[i] = schedule.Job{Host: c.Host, Slow: slow[c.Name], Slowly: func() bool {
			sp := running.Load()
			return sp != nil && sp.Slowly()
		}, Brisk: func() bool { return brisk }, Run: func(ctx context.Context) error {
			sp := pace.New(cfg.Limits.SlowRate, cfg.Limits.SlowAfter)
			running.Store(sp)
			live.Began(c.Name)
			defer live.Ended(c.Name)
			acc, o, err := wire(c)
			if err != nil {
				reports[i] = fetcher.Report{Account: c.Name, Verdict: verdict.Verdict{Class: verdict.Config, Message: err.Error(), Hint: nextstep.Of(err)}}
				return err
			}
			began[i] = true
			sp.Watch(&acc, &o, func() bool { return schedule.Slow(ctx) })
			rep := fetcher.Run(ctx, l, acc, o)
			reports[i] = pace.Joined(first, rep)
			if rep.Yielded {
				first, brisk = reports[i], sp.ResultOf(rep).Brisk
				return schedule.ErrMoved
			}
			if reports[i].Verdict.Stop {
				stop()
			}
			return nil
		}}
	}
	for i, err := range schedule.Parallel(ctx, schedule.Options{Parallel: cfg.Parallel, PerHost: cfg.PerHost, SlowAfter: cfg.Limits.SlowAfter}, jobs) {
		var panicked *schedule.PanicError
		if errors.As(err, &panicked) {
			reports[i] = fetcher.Report{Account: reports[i].Account, Verdict: verdict.Verdict{Class: verdict.Internal, Message: panicked.Error()}}
			began[i] = false
		}
		switch v := reports[i].Verdict; {
		case began[i]:
		case reports[i].Stopped:
			log.Info("pass not started", zap.String("account", reports[i].Account))
		default:
			logUnbegun(log, reports[i].Account, v)
		}
	}
	return reports
}

// slowIn are the accounts whose passes begin in the slow lane. With few accounts nobody waits, and there is no need for it.
func slowIn(ctx context.Context, cfg *config.Config, l uidl.Ledger, accounts int) map[string]bool {
	if accounts <= cfg.Parallel {
		return nil
	}
	sums, err := l.Summaries(ctx)
	if err != nil {
		return nil // each pass meets it as well
	}
	slow := map[string]bool{}
	for _, s := range sums {
		slow[s.Name] = health.Standing(s).Slow
	}
	return slow
}

// logUnbegun writes the line of a pass that could not begin.
func logUnbegun(log *zap.Logger, account string, v verdict.Verdict) {
	log.Error("pass failed", zap.String("account", account), zap.String("error", v.Message), zap.String("next_step", v.Hint))
}

// pick returns the named accounts, or all.
func pick(cfg *config.Config, names []string) ([]config.Account, error) {
	if len(names) == 0 {
		return cfg.Accounts, nil
	}
	var out []config.Account
	for _, n := range names {
		i := slices.IndexFunc(cfg.Accounts, func(a config.Account) bool { return a.Name == n })
		if i < 0 {
			var known []string
			for _, a := range cfg.Accounts {
				known = append(known, a.Name)
			}
			return nil, fail(exitUsage, "there is no account %q in %s; it has: %s", n, cfg.File, strings.Join(known, ", "))
		}
		if !slices.ContainsFunc(out, func(a config.Account) bool { return a.Name == n }) {
			out = append(out, cfg.Accounts[i])
		}
	}
	return out, nil
}

// show prints reports as people or programs want them.
func (a *app) show(reports []fetcher.Report, dryRun, asJSON bool) error {
	if asJSON {
		for _, r := range reports {
			if err := screen.WriteJSON(a.out, r); err != nil {
				return err
			}
		}
		return nil
	}
	width := 0 // what is no terminal gets whole lines
	if a.outTerm {
		width, _ = a.outSize()
	}
	switch {
	case dryRun:
		for _, r := range reports {
			if err := outcome.Plan(a.out, r, width); err != nil {
				return err
			}
		}
	case a.outTerm:
		return outcome.Table(a.out, reports, width)
	}
	return nil
}

// worst is the error that carries the exit code of the gravest outcome.
func worst(reports []fetcher.Report) error {
	class := verdict.OK
	for _, r := range reports {
		if verdict.Worse(r.Verdict.Class, class) {
			class = r.Verdict.Class
		}
	}
	if class == verdict.OK {
		return nil
	}
	return &exitError{exitOf(class), errReported}
}

// completeAccounts completes account names for the shell.
func (a *app) completeAccounts(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	cfg, err := a.load()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []string
	for _, acc := range cfg.Accounts {
		names = append(names, acc.Name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
