package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/parked"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

func (a *app) parkedCommand() *cobra.Command {
	var asJSON, headers bool
	c := &cobra.Command{
		Use:   "parked [ACCOUNT...]",
		Short: "List what failed and waits: where, why, and when the next try is",
		Long: `List the messages that could not be fetched or delivered and are tried again
later: soon (put off), or seldom, because they failed too often or were refused
for good (parked); and those that were given up. From, date and subject come
from the copy that waits here, if there is one. It changes nothing and asks no
server.

With --headers it logs in and gets them for the others with TOP, unless the
account is paused or its server wants time.`,
		Example:           "  popsync parked\n  popsync parked --headers work",
		ValidArgsFunction: a.completeAccounts,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.parked(cmd.Context(), args, asJSON, headers)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per message")
	c.Flags().BoolVar(&headers, "headers", false, "log in and get from, date and subject from the server where there is no copy")
	return c
}

func (a *app) parked(ctx context.Context, names []string, asJSON, headers bool) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	accounts, err := pick(cfg, names)
	if err != nil {
		return err
	}
	var all []parked.Account
	class := verdict.OK
	if hasLedger(cfg) { // looking makes none
		ledger, err := openKnown(ctx, cfg)
		if err != nil {
			return err
		}
		defer ledger.Close()
		sums, err := ledger.Summaries(ctx)
		if err != nil {
			return &exitError{exitOf(ledgerClass(err)), err}
		}
		known := byName(sums)
		for _, acc := range accounts {
			p, err := parkedIn(ctx, cfg, ledger, acc.Name, known[acc.Name])
			if err != nil { // the others are shown
				text, hint := apart(judged(err))
				fmt.Fprintf(a.err, "popsync: %s: %s\n", acc.Name, text)
				if hint != "" {
					fmt.Fprintf(a.err, "Next step: %s\n", hint)
				}
				class = verdict.Config
				continue
			}
			if headers {
				if c := a.headers(ctx, cfg, acc, health.Standing(known[acc.Name]), &p); verdict.Worse(c, class) {
					class = c
				}
			}
			all = append(all, p)
		}
	}
	if err := a.showParked(all, asJSON, headers, time.Now()); err != nil {
		return err
	}
	if class != verdict.OK {
		return &exitError{exitOf(class), errReported}
	}
	return nil
}

// parkedIn reads what waits in an account.
func parkedIn(ctx context.Context, cfg *config.Config, ledger uidl.Ledger, name string, sum uidl.Summary) (parked.Account, error) {
	rows, err := ledger.Stuck(ctx, name)
	if err != nil {
		return parked.Account{}, err
	}
	open := copyOpener(cfg)
	return parked.In(name, rows, sum, func(identity, ticket string) (io.ReadCloser, error) {
		return open(identity, deliver.Ticket(ticket))
	}, time.Now()), nil
}

// showParked prints what waits, as people or programs want it.
func (a *app) showParked(all []parked.Account, asJSON, headers bool, now time.Time) error {
	if asJSON {
		for _, p := range all {
			if err := p.WriteJSON(a.out); err != nil {
				return err
			}
			if p.Unread != "" {
				fmt.Fprintf(a.err, "popsync: %s: no headers: %s\n", p.Name, words.Clip(p.Unread))
			}
		}
		return nil
	}
	width := 0 // what is no terminal gets whole lines
	if a.outTerm {
		width, _ = a.outSize()
	}
	text := ""
	for _, p := range all {
		if len(p.Messages) > 0 {
			if text != "" {
				text += "\n"
			}
			text += p.Text(headers, now, width)
		}
	}
	if text == "" {
		text = "nothing is parked or put off\n"
	}
	_, err := io.WriteString(a.out, text)
	return err
}
