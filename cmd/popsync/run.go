package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/config/document"
	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/internal/alarms"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/figures"
	"github.com/popsync/popsync/internal/logs"
	"github.com/popsync/popsync/internal/names"
	"github.com/popsync/popsync/internal/outcome"
	"github.com/popsync/popsync/internal/passes"
	"github.com/popsync/popsync/internal/remarks"
	"github.com/popsync/popsync/internal/screen"
	"github.com/popsync/popsync/uidl"
)

// fetching are the commands that make passes and end.
type fetching struct{ *app }

func (a fetching) runCommand() *cobra.Command {
	var dryRun, asJSON bool
	var trace string
	var v logs.Voice
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
			if v.Quiet && v.Verbose {
				return exit.Errorf(exit.Usage, "--quiet and --verbose are opposites: give one of them, for example: popsync run --quiet")
			}
			return a.run(cmd.Context(), args, v, trace, dryRun, asJSON)
		},
	}
	c.Flags().BoolVar(&dryRun, "dry-run", false, "log in and show what would be done; fetch, deliver and delete nothing")
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per account on standard output")
	traceFlag(c, &trace)
	c.Flags().BoolVar(&v.Quiet, "quiet", false, "say only what needs a person, once; the default without a terminal")
	c.Flags().BoolVar(&v.Verbose, "verbose", false, "write every line of the log to standard error; with --dry-run show sender, date and subject of messages too")
	return c
}

func (a fetching) run(ctx context.Context, names []string, v logs.Voice, trace string, dryRun, asJSON bool) error {
	cfg, accounts, err := a.chosen(names)
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
	if !dryRun && !asJSON && !v.Quiet {
		a.live = a.newLive()
	}
	defer a.live.Close()
	defer a.Ends(ctx, a.logWriter())()
	v.DryRun, v.Watched, v.Journal = dryRun, a.ErrTerm, logs.IsJournal(screen.Raw(a.Err), os.Getenv)
	log, err := logs.ForRun(a.logWriter(), logOptions(a.ErrTerm, cfg.Log), v)
	if err != nil {
		return noLog(err)
	}
	defer log.Close()
	if cfg.Log.File == "" && a.OutTerm && a.ErrTerm && !v.Verbose && !dryRun && !asJSON {
		log.Without("pass failed", "pass put off") // a table and what stands below it tell that
	}
	a.told = v.News()
	w := wish{asked: len(names) > 0 || a.ErrTerm, named: len(names) > 0, dryRun: dryRun, headers: dryRun && v.Verbose}
	theirs, ours, resident := map[string]fetcher.Report{}, accounts, false
	if !dryRun {
		theirs, ours, resident = a.daemonRun(ctx, cfg, accounts, w, log.Logger)
	}
	reports, err := a.localRun(ctx, cfg, ours, log.Logger, w, resident)
	if err != nil {
		return err
	}
	a.live.Close()
	reports = passes.Join(accountNames(accounts), theirs, reports)
	if v.Quiet && !dryRun && !asJSON {
		return outcome.Worst(reports)
	}
	err = outcome.Show(a.Out, reports, outcome.Shown{JSON: asJSON, Plans: dryRun, Terminal: a.OutTerm, Width: a.Width()})
	if text := outcome.Stop(reports); text != "" && a.ErrTerm {
		width, _ := a.ErrSize()
		fmt.Fprintln(a.Err, screen.Wrap("popsync: "+text, "  ", width))
	}
	if w := outcome.Worst(reports); w != nil { // what became of the mail counts more than what could not be printed
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
func (a fetching) localRun(ctx context.Context, cfg *config.Config, accounts []config.Account, log *zap.Logger, w wish, resident bool) ([]fetcher.Report, error) {
	if len(accounts) == 0 {
		return nil, nil
	}
	var ledger uidl.Ledger = names.Empty{}
	var after func([]fetcher.Report)
	var blocked map[string]error
	switch {
	case !w.dryRun:
		l, err := openLedger(ctx, cfg)
		if err != nil {
			return nil, err
		}
		defer l.Close()
		if blocked, after, err = a.service(ctx, cfg, l, log, resident); err != nil {
			return nil, err
		}
		ledger = l
	case hasLedger(cfg): // to look creates nothing
		k, err := openKnown(ctx, cfg)
		if err != nil {
			return nil, err
		}
		defer k.Close()
		ledger, blocked = k, k.Blocked
	}
	if !w.dryRun {
		defer remarks.Begin(ctx, func() { a.logRemarks(ctx, cfg, accounts, log) })()
	}
	memory := newMemory(cfg)
	reports := a.passes(ctx, cfg, accounts, ledger, log, func(c config.Account) (fetcher.Account, fetcher.Options, error) {
		if err := blocked[c.Name]; err != nil {
			return fetcher.Account{}, fetcher.Options{}, err
		}
		acc, err := a.wire(cfg, c, a.prompt(c))
		o := options(cfg.Limits)
		o.Log, o.DryRun, o.Headers, o.Asked, o.Named, o.Memory = log, w.dryRun, w.headers, w.asked, w.named, memory
		if a.live != nil {
			o.Progress = func(rep fetcher.Report) { a.live.Show(passes.Progress(rep)) }
		}
		return acc, o, err
	})
	if after != nil {
		after(reports)
	}
	return reports, nil
}

// passes makes a pass over each account, bounded by parallel and per_host.
func (a fetching) passes(ctx context.Context, cfg *config.Config, accounts []config.Account, ledger uidl.Ledger, log *zap.Logger,
	wire func(config.Account) (fetcher.Account, fetcher.Options, error)) []fetcher.Report {
	o := passes.Options{Ledger: ledger, Log: log, Parallel: cfg.Parallel, PerHost: cfg.PerHost, SlowRate: cfg.Limits.SlowRate, SlowAfter: cfg.Limits.SlowAfter}
	if a.live != nil {
		o.Show = a.live
	}
	var all []passes.Account
	for _, c := range accounts {
		acc := passes.Account{Name: c.Name, Host: c.Host, Wire: func() (fetcher.Account, fetcher.Options, error) { return wire(c) }}
		told, err := newMailOf(c)
		if acc.NewMail = told; err != nil {
			acc.Wire = func() (fetcher.Account, fetcher.Options, error) { return fetcher.Account{}, fetcher.Options{}, err }
		}
		all = append(all, acc)
	}
	return passes.Run(ctx, o, all)
}

// service does for a run what the daemon does all the time: it follows renamed accounts, and afterwards, by the function
// that it returns, tells people of trouble and leaves figures for monitoring. blocked are accounts that cannot be run.
func (a fetching) service(ctx context.Context, cfg *config.Config, ledger uidl.Ledger, log *zap.Logger, resident bool) (blocked map[string]error, after func([]fetcher.Report), err error) {
	blocked, al, err := follow(ctx, cfg, ledger, log, resident)
	if err != nil {
		return nil, nil, err
	}
	if a.told {
		al.TellOn(a.Err)
	}
	file := figures.NewFile(ctx, cfg.Metrics.Textfile, versionText(), accountNames(cfg.Accounts), ledger, log)
	return blocked, func(reports []fetcher.Report) {
		al.ObserveAll(ctx, reports, a.ErrTerm && !a.told)
		file.Write(context.WithoutCancel(ctx), reports)
	}, nil
}

// follow makes the ledger and the alarms follow accounts that were renamed, for a command that makes passes itself. blocked
// are accounts that cannot be run.
func follow(ctx context.Context, cfg *config.Config, ledger uidl.Ledger, log *zap.Logger, resident bool) (blocked map[string]error, al *alarms.Alarms, err error) {
	told, err := alarmsOf(cfg)
	if err != nil {
		return nil, nil, exit.With(exit.Config, err)
	}
	al, blocked, err = alarms.Begin(ctx, told, ledger, log, namesOf(cfg), resident)
	return blocked, al, err
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
			var all []string
			for _, a := range cfg.Accounts {
				all = append(all, a.Name)
			}
			meant := document.DidYouMean(n, all)
			if meant != "" {
				meant = " (" + meant + ")"
			}
			return nil, exit.Errorf(exit.Usage, "there is no account %q in %s; it has: %s%s", n, cfg.File, strings.Join(all, ", "), meant)
		}
		if !slices.ContainsFunc(out, func(a config.Account) bool { return a.Name == n }) {
			out = append(out, cfg.Accounts[i])
		}
	}
	return out, nil
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
