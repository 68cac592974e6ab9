package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/uidl"
)

func (a *app) statusCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "status [ACCOUNT...]",
		Short: "Show how the accounts are doing, from the ledger; asks no server",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.status(cmd.Context(), args, asJSON)
		},
		ValidArgsFunction: a.completeAccounts,
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per account")
	return c
}

// accountStatus is what status shows of an account, as JSON.
type accountStatus struct {
	Account     string    `json:"account"`
	LastPass    time.Time `json:"last_pass,omitzero"`
	LastSuccess time.Time `json:"last_success,omitzero"`
	New         int       `json:"new"` // in the last pass
	Kept        int       `json:"kept"`
	Parked      int       `json:"parked"`
	Skipped     int       `json:"skipped"`
	Pending     int       `json:"pending"`
	Waiting     []waiting `json:"waiting,omitempty"`
	Failures    int64     `json:"failures"` // passes in a row
	Trouble     string    `json:"trouble,omitempty"`
	NextStep    string    `json:"next_step,omitempty"`
}

func (a *app) status(ctx context.Context, names []string, asJSON bool) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	accounts, err := pick(cfg, names)
	if err != nil {
		return err
	}
	sums, err := summaries(ctx, cfg)
	if err != nil {
		return err
	}
	known := map[string]uidl.Summary{}
	for _, s := range sums {
		known[s.Name] = s
	}
	var all []accountStatus
	for _, acc := range accounts {
		all = append(all, statusOf(acc.Name, known[acc.Name]))
	}
	if !asJSON {
		return a.showStatus(all)
	}
	for _, st := range all {
		if err := writeJSON(a.out, st); err != nil {
			return err
		}
	}
	return nil
}

// summaries reads the ledger, if there is one: looking makes none.
func summaries(ctx context.Context, cfg *config.Config) ([]uidl.Summary, error) {
	if !hasLedger(cfg) {
		return nil, nil
	}
	ledger, err := openLedger(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer ledger.Close()
	sums, err := ledger.Summaries(ctx)
	if err != nil {
		return nil, &exitError{exitOf(ledgerClass(err)), err}
	}
	return sums, nil
}

// showStatus prints the table, and below it what went wrong: that takes whole lines.
func (a *app) showStatus(all []accountStatus) error {
	now := time.Now()
	var rows [][]string
	for _, st := range all {
		rows = append(rows, []string{st.Account, when(st.LastPass, now), when(st.LastSuccess, now), fmt.Sprint(st.New),
			fmt.Sprint(st.Kept), fmt.Sprint(st.Parked), st.NextStep})
	}
	if err := table(a.out, []string{"ACCOUNT", "LAST PASS", "LAST SUCCESS", "NEW", "KEPT", "PARKED", "NEXT STEP"}, rows); err != nil {
		return err
	}
	gap := "\n"
	for _, st := range all {
		if st.Trouble != "" {
			fmt.Fprintf(a.out, "%s%s: %s\n", gap, st.Account, printable(st.Trouble))
			gap = ""
		}
		for _, w := range st.Waiting {
			for _, line := range w.words(now) {
				fmt.Fprintf(a.out, "%s%s: %s\n", gap, st.Account, printable(line))
				gap = ""
			}
		}
	}
	return nil
}

func when(t, now time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return ago(t.Unix(), now)
}

// statusOf words a ledger summary; the zero Summary is an account that never ran.
func statusOf(name string, s uidl.Summary) accountStatus {
	st := accountStatus{Account: name, Kept: s.Kept, Parked: s.Parked, Skipped: s.Skipped, Pending: s.Pending,
		Failures: int64(s.Failures), Trouble: s.Verdict, Waiting: waitingOf(s)}
	if s.SucceededAt != 0 {
		st.LastSuccess = time.Unix(s.SucceededAt, 0)
	}
	if s.Last == nil {
		st.NextStep = "popsync run " + name
		return st
	}
	st.LastPass = time.Unix(s.Last.Ended, 0)
	var rep fetcher.Report
	if err := json.Unmarshal(s.Last.Totals, &rep); err == nil {
		st.New = rep.New
		if s.Verdict != "" {
			st.Trouble, st.NextStep = rep.Verdict.Message, rep.Verdict.Hint
		}
	}
	switch {
	case st.NextStep != "":
	case s.Verdict != "" && rep.Verdict.Class == fetcher.Temporary:
		st.NextStep = "none: the next pass tries again"
	case s.Verdict != "":
		st.NextStep = "see below"
	case s.Parked > 0:
		st.NextStep = fmt.Sprintf("none: %d parked on the server, tried again later", s.Parked)
	case s.Skipped > 0:
		st.NextStep = fmt.Sprintf("%d larger than max_size stay on the server", s.Skipped)
	default:
		st.NextStep = "none"
	}
	return st
}
