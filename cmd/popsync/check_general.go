package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/checkup"
	"github.com/popsync/popsync/internal/metrics"
	"github.com/popsync/popsync/internal/notify"
	"github.com/popsync/popsync/internal/safepath"
	"github.com/popsync/popsync/internal/words"
)

// general looks at what belongs to no account: the configuration, the ledger, and the files and programs that it names.
func (l *looker) general(ctx context.Context, s *checkup.Sheet) {
	s.OK(checkup.PartConfiguration, fmt.Sprintf("%s, %s", l.cfg.File, words.Number(len(l.cfg.Accounts), "account")))
	l.known = l.ledger(ctx, s)
	l.places(s)
	for _, o := range l.cfg.Oddities() {
		if o.Account == "" {
			odd(s, o, string(o.Key))
		}
	}
	for _, r := range l.remarks(ctx, l.cfg) {
		switch {
		case !r.concerns(l.accounts):
		case r.wrong:
			s.Fail(checkup.PartConfiguration, verdict.Config, r.text, r.next)
		default:
			s.Note(checkup.PartConfiguration, r.text, r.next)
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

// places looks whether others could misuse what the configuration names beside accounts: programs, sockets, files.
func (l *looker) places(s *checkup.Sheet) {
	if args := l.cfg.Alarm.Command; len(args) > 0 {
		command, err := notify.NewCommand(args)
		if err == nil {
			err = command.Check()
		}
		if err != nil {
			s.Fail(checkup.PartAlarm, verdict.Config, "alarm.command: "+err.Error(), alarmCommandHint(err))
		} else {
			s.OK(checkup.PartAlarm, fmt.Sprintf("command %s is there and may be run; it was not run", args[0]))
		}
	}
	if l.cfg.Alarm.Webhook.Reveal() != "" {
		s.Info(checkup.PartAlarm, "the webhook was not asked; popsync check --alarm sends it a test")
	}
	if path := l.cfg.Metrics.Textfile; path != "" {
		if err := metrics.CheckTextfile(path); err != nil {
			s.Fail(checkup.PartConfiguration, verdict.Config, "metrics.textfile: "+err.Error(), "")
		}
	}
	if len(l.cfg.Control.Sockets) > 0 {
		_, err := safepath.Check(filepath.Dir(l.cfg.Control.Sockets[0]))
		if fault, ok := errors.AsType[*safepath.Error](err); ok {
			s.Fail(checkup.PartConfiguration, verdict.Config, "control.socket: "+err.Error(), fault.Mend)
		}
	}
}

// alarmCommandHint is how to mend a program that cannot be run; "": the error says it.
func alarmCommandHint(err error) string {
	fault, ok := errors.AsType[*safepath.Error](err)
	switch {
	case ok:
		return fault.Mend
	case errors.Is(err, safepath.ErrNotExecutable):
		return "chmod +x that file, or set alarm.command to a program"
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		return "install it, or correct the path: until then no alarm goes that way"
	}
	return ""
}
