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
	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/internal/control"
	"github.com/popsync/popsync/internal/screen"
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

// accountStatus is what status shows of an account, as JSON; docs/popsync.1 documents it.
type accountStatus struct {
	Account     string      `json:"account"`
	State       state       `json:"state"`
	LastPass    time.Time   `json:"last_pass,omitzero"`
	LastSuccess time.Time   `json:"last_success,omitzero"`
	New         int         `json:"new"` // in the last pass
	Kept        int         `json:"kept"`
	Parked      int         `json:"parked"`
	PutOff      int         `json:"put_off"` // at a destination, tried again soon
	Skipped     int         `json:"skipped"`
	Pending     int         `json:"pending"`
	Held        int         `json:"held"`   // held back until a person says what they are
	Unsure      int         `json:"unsure"` // kept on the server because nobody saw them safe
	GivenUp     int         `json:"given_up,omitempty"`
	Waiting     []waiting   `json:"waiting,omitempty"`
	CameShort   *short      `json:"came_short,omitempty"`
	LeftAlone   []leftAlone `json:"left_alone,omitempty"`
	Resting     []resting   `json:"resting,omitempty"`
	Missed      []missed    `json:"missed,omitempty"`
	Without     []missed    `json:"without,omitempty"`
	Failures    int64       `json:"failures"` // passes in a row
	Trouble     string      `json:"trouble,omitempty"`
	Class       string      `json:"class,omitempty"` // of the trouble
	NextStep    string      `json:"next_step,omitempty"`

	Slow     bool `json:"slow,omitempty"`      // its passes are made in the slow lane
	PassTime bool `json:"pass_time,omitempty"` // the last pass took as long as a pass may

	// What only a running daemon knows.
	Daemon       bool              `json:"daemon"` // it has this account
	NextRun      time.Time         `json:"next_run,omitzero"`
	RunningSince time.Time         `json:"running_since,omitzero"`
	Progress     *control.Progress `json:"progress,omitempty"`

	Paused       bool      `json:"paused"`
	NotBefore    time.Time `json:"not_before,omitzero"`
	Reason       string    `json:"reason,omitempty"` // of not_before
	TroubleSince time.Time `json:"trouble_since,omitzero"`
	Alarmed      bool      `json:"alarmed,omitempty"` // a person was told of it

	aloneWords  []string // about LeftAlone and Resting, for people
	missedWords []string // and about Missed
	onlyShort   bool     // the last pass failed in nothing but that messages came short

	missing bool // there is a daemon, and it does not have the account
	queued  bool // due, but for its turn
	working bool // somebody works on it: a run without the daemon, if that does not say that it does
	begun   bool // a pass was begun at some time
}

// state is how an account is, in a word.
type state string

const (
	stateNew     state = "new" // it never ran
	stateOK      state = "ok"
	stateRunning state = "running"
	stateWaiting state = "waiting" // for its turn, or until it may be tried again
	statePaused  state = "paused"
	stateTrouble state = "trouble" // the last pass failed
	// stateUnfinished: passes were begun, and none has come to an end.
	stateUnfinished state = "unfinished"
	stateParked     state = "parked" // all is well but for messages that failed too often or were refused for good
)

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
	var all []accountStatus
	for _, acc := range accounts {
		st := statusOf(acc.Name, known[acc.Name], now)
		if err := held[acc.Name]; err != nil {
			st.Class = string(fetcher.Config)
			st.Trouble, st.NextStep = apart(err)
		}
		if i, ok := troubles[acc.Name]; ok {
			st.TroubleSince, st.Alarmed = i.Since, i.Told
		}
		if l, ok := live[acc.Name]; ok {
			st.join(l)
		}
		st.missing, st.working = derr == nil && !st.Daemon, working[acc.Name]
		st.State = st.stateAt(now)
		if !trouble || st.rank() <= rankParked {
			all = append(all, st)
		}
	}
	slices.SortFunc(all, func(x, y accountStatus) int { return strings.Compare(x.Account, y.Account) })
	if !asJSON {
		return a.showStatus(daemonText(daemon, derr), all, now, trouble)
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
	return sums, ledger.held, nil
}
