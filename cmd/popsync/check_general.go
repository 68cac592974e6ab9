package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/checkup"
	"github.com/popsync/popsync/internal/names"
	"github.com/popsync/popsync/internal/probe"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

// general looks at what belongs to no account: the configuration, the ledger, and the files and programs that it names.
func (l *looker) general(ctx context.Context, s *checkup.Sheet) {
	s.OK(checkup.PartConfiguration, fmt.Sprintf("%s, %s", l.cfg.File, words.Number(len(l.cfg.Accounts), "account")))
	l.known, l.blind = probe.Ledger{
		StateDir: l.cfg.StateDir, File: ledgerFile(l.cfg), Exists: hasLedger(l.cfg), Class: verdict.OfLedger,
		Open: func(ctx context.Context) (uidl.Ledger, error) { return openLedger(ctx, l.cfg) },
		Named: func(ctx context.Context, ledger uidl.Ledger) (*names.Ledger, error) {
			return knownAs(ctx, l.cfg, ledger)
		},
	}.Look(ctx, s)
	places := probe.Places{Command: l.cfg.Alarm.Command, Webhook: l.cfg.Alarm.Webhook.Reveal() != "", Textfile: l.cfg.Metrics.Textfile, Log: l.cfg.Log.File}
	if len(l.cfg.Control.Sockets) > 0 {
		places.Socket = l.cfg.Control.Sockets[0]
	}
	places.Look(s)
	l.grants(ctx, s)
	for _, o := range l.cfg.Oddities() {
		if o.Account == "" {
			odd(s, o, string(o.Key))
		}
	}
	for _, r := range l.remarks(ctx, l.cfg) {
		switch {
		case !r.Concerns(accountNames(l.accounts)):
		case r.Wrong:
			s.Fail(checkup.PartConfiguration, verdict.Config, r.Text, r.Next)
		default:
			s.Note(checkup.PartConfiguration, r.Text, r.Next)
		}
	}
}

// odd notes an oddity of the configuration, whose key is shown as key.
func odd(s *checkup.Sheet, o config.Oddity, key string) {
	s.Add(checkup.Finding{Level: checkup.Note, Part: checkup.PartConfiguration, Destination: o.Destination, Key: string(o.Key), Text: key + ": " + o.Text, Next: o.Next})
}

// oddities notes those of an account; its name need not be said again.
func (l *looker) oddities(s *checkup.Sheet, acc config.Account) {
	for _, o := range l.cfg.Oddities() {
		if o.Account != acc.Name {
			continue
		}
		key := strings.TrimPrefix(string(o.Key), "account."+acc.Name+".")
		key = strings.TrimPrefix(key, `account."`+acc.Name+`".`)
		odd(s, o, key)
	}
}
