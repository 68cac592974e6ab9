package main

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/control"
	"github.com/popsync/popsync/internal/screen"
	"github.com/popsync/popsync/internal/status"
	"github.com/popsync/popsync/uidl"
)

func (a *app) statusCommand() *cobra.Command {
	var asJSON, trouble bool
	c := &cobra.Command{
		Use:   "status [ACCOUNT...]",
		Short: "Show how the accounts are and what needs a person",
		Long: `Show how the accounts are doing: what the running daemon says, if there is one, and what the ledger remembers. Below the
table stands what is wrong, since when, and what to do about it. No mail server is asked.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.status(cmd.Context(), args, asJSON, trouble)
		},
		ValidArgsFunction: a.completeAccounts,
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per account")
	c.Flags().BoolVar(&trouble, "trouble", false, "show only accounts that need attention")
	return c
}

func (a *app) status(ctx context.Context, names []string, asJSON, trouble bool) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	accounts, err := pick(cfg, names)
	if err != nil {
		return err
	}
	_, daemon, derr := a.findDaemon(ctx, cfg)
	sums, held, err := summaries(ctx, cfg)
	if err != nil {
		return err
	}
	working, err := inUse(ctx, cfg, accounts)
	if err != nil {
		return err
	}
	known, troubles := byName(sums), troublesIn(cfg)
	live := map[string]control.Account{}
	for _, acc := range daemon.Accounts {
		live[acc.Account] = acc
	}
	now := time.Now()
	var all []status.Account
	for _, acc := range accounts {
		st := status.Of(acc.Name, known[acc.Name], now)
		st.Risks = risksOf(acc)
		if err := held[acc.Name]; err != nil {
			st.Class = string(verdict.Config)
			st.Trouble, st.NextStep = apart(err)
		}
		if i, ok := troubles[acc.Name]; ok {
			st.TroubleSince, st.Alarmed = i.Since, i.Told
		}
		if l, ok := live[acc.Name]; ok {
			st.Join(l)
		}
		st.Settle(derr == nil && !st.Daemon, working[acc.Name], now)
		if !trouble || st.NeedsAttention() {
			all = append(all, st)
		}
	}
	slices.SortFunc(all, func(x, y status.Account) int { return strings.Compare(x.Account, y.Account) })
	if !asJSON {
		width := 0 // what is no terminal gets whole lines
		if a.outTerm {
			width, _ = a.outSize()
		}
		return status.Show(a.out, daemonText(daemon, derr), all, now, trouble, width)
	}
	for _, st := range all {
		if err := screen.WriteJSON(a.out, st); err != nil {
			return err
		}
	}
	return nil
}

// daemonText tells whether a daemon is running, and how.
func daemonText(st control.Status, err error) []string {
	var others *othersDaemon
	switch {
	case errors.As(err, &others):
		return []string{"no daemon of this configuration is running: " + others.Error()}
	case errors.Is(err, control.ErrNoDaemon):
		return []string{"no daemon is running; to start one: popsync daemon"}
	case err != nil:
		return []string{"what follows is from the ledger alone: " + err.Error()}
	}
	lines := []string{"popsync daemon " + st.Version + " running since " + st.Started.Local().Format(time.DateTime) + ", pid " + strconv.Itoa(st.PID)}
	if st.ReloadProblem != "" {
		lines = append(lines, "the configuration was changed and could not be read, so the old one is in use: "+st.ReloadProblem)
	}
	return lines
}

// inUse are the accounts that somebody works on.
func inUse(ctx context.Context, cfg *config.Config, accounts []config.Account) (map[string]bool, error) {
	working := map[string]bool{}
	if !hasLedger(cfg) {
		return working, nil
	}
	ledger, err := openKnown(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer ledger.Close()
	for _, acc := range accounts {
		used, err := ledger.InUse(ctx, acc.Name)
		working[acc.Name] = err == nil && used // what cannot be found out is taken for no
	}
	return working, nil
}

// summaries reads the ledger, if there is one: looking makes none.
// held are accounts that cannot be run.
func summaries(ctx context.Context, cfg *config.Config) (sums []uidl.Summary, held map[string]error, err error) {
	if !hasLedger(cfg) {
		return nil, nil, nil
	}
	ledger, err := openKnown(ctx, cfg)
	if err != nil {
		return nil, nil, err
	}
	defer ledger.Close()
	sums, err = ledger.Summaries(ctx)
	if err != nil {
		return nil, nil, &exitError{exitOf(ledgerClass(err)), err}
	}
	return sums, ledger.Held, nil
}
