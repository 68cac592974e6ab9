package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/internal/metrics"
	"github.com/popsync/popsync/internal/notify"
	"github.com/popsync/popsync/internal/safepath"
	"github.com/popsync/popsync/uidl"
)

// general looks at what belongs to no account: the configuration, the ledger, and the files and programs that it names.
func (l *looker) general(ctx context.Context, s *sheet) {
	s.ok(partConfiguration, fmt.Sprintf("%s, %s", l.cfg.File, count(len(l.cfg.Accounts), "account")))
	l.known = l.ledger(ctx, s)
	l.places(s)
	for _, o := range l.cfg.Oddities() {
		if o.Account == "" {
			s.odd(o, o.Key)
		}
	}
	for _, r := range l.remarks(ctx, l.cfg) {
		switch {
		case !r.concerns(l.accounts):
		case r.wrong:
			s.fail(partConfiguration, fetcher.Config, r.text, r.next)
		default:
			s.note(partConfiguration, r.text, r.next)
		}
	}
}

// odd notes an oddity of the configuration, whose key is shown as key.
func (s *sheet) odd(o config.Oddity, key string) {
	s.add(finding{Level: levelNote, Part: partConfiguration, Destination: o.Destination, Key: o.Key, Text: key + ": " + o.Text, Next: o.Next})
}

// oddities notes those of an account; its name need not be said again.
func (l *looker) oddities(s *sheet, acc config.Account) {
	for _, o := range l.cfg.Oddities() {
		if o.Account != acc.Name {
			continue
		}
		key := strings.TrimPrefix(o.Key, "account."+acc.Name+".")
		key = strings.TrimPrefix(key, `account."`+acc.Name+`".`)
		s.odd(o, key)
	}
}

// places looks whether others could misuse what the configuration names beside accounts: programs, sockets, files.
func (l *looker) places(s *sheet) {
	if args := l.cfg.Alarm.Command; len(args) > 0 {
		command, err := notify.NewCommand(args)
		if err == nil {
			err = command.Check()
		}
		if err != nil {
			s.fail(partAlarm, fetcher.Config, "alarm.command: "+err.Error(), alarmCommandHint(err))
		} else {
			s.ok(partAlarm, fmt.Sprintf("command %s is there and may be run; it was not run", args[0]))
		}
	}
	if l.cfg.Alarm.Webhook.Reveal() != "" {
		s.info(partAlarm, "the webhook was not asked; popsync check --alarm sends it a test")
	}
	if path := l.cfg.Metrics.Textfile; path != "" {
		if err := metrics.CheckTextfile(path); err != nil {
			s.fail(partConfiguration, fetcher.Config, "metrics.textfile: "+err.Error(), "")
		}
	}
	if len(l.cfg.Control.Sockets) > 0 {
		_, err := safepath.Check(filepath.Dir(l.cfg.Control.Sockets[0]))
		if fault, ok := errors.AsType[*safepath.Error](err); ok {
			s.fail(partConfiguration, fetcher.Config, "control.socket: "+err.Error(), fault.Mend)
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

// ledger looks at the ledger without making one, and returns what it remembers.
func (l *looker) ledger(ctx context.Context, s *sheet) *knowledge {
	cfg := l.cfg
	if _, err := safepath.Check(cfg.StateDir); err != nil {
		if fault, ok := errors.AsType[*safepath.Error](err); ok {
			s.fail(partLedger, fetcher.Config, "state_dir: "+err.Error(), fault.Mend)
			return nil
		}
	}
	if _, err := os.Stat(cfg.StateDir); errors.Is(err, fs.ErrNotExist) {
		if err := writable(nearest(cfg.StateDir)); err != nil {
			s.fail(partLedger, fetcher.Config, fmt.Sprintf("state_dir %s can't be made: %v", cfg.StateDir, err), "set state_dir to a place of your own")
			return nil
		}
		s.ok(partLedger, fmt.Sprintf("state_dir %s will be made by the first run", cfg.StateDir))
		return nil
	}
	if err := writable(cfg.StateDir); err != nil {
		s.fail(partLedger, fetcher.Config, "state_dir: "+err.Error(), "let the user that runs popsync write to it, or set another state_dir")
		return nil
	}
	if !hasLedger(cfg) {
		s.ok(partLedger, ledgerFile(cfg)+" will be made by the first run")
		return nil
	}
	known, err := readLedger(ctx, cfg)
	if err != nil {
		text, hint := apart(err)
		s.fail(partLedger, ledgerClass(err), text, hint)
		l.blind = true
		return nil
	}
	s.ok(partLedger, ledgerFile(cfg)+" is sound")
	return known
}

// readLedger reads the whole ledger: for damage, and for what it knows of destinations.
func readLedger(ctx context.Context, cfg *config.Config) (*knowledge, error) {
	l, err := openLedger(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	if err := l.Check(ctx); err != nil {
		return nil, err
	}
	named, err := knownAs(ctx, cfg, l)
	if err != nil {
		return nil, err
	}
	sums, err := named.Summaries(ctx)
	if err != nil {
		return nil, err
	}
	k := &knowledge{destinations: map[string][]uidl.Destination{}, facts: map[string][]byte{}, held: named.held}
	for _, s := range sums {
		k.destinations[s.Name], k.facts[s.Name] = s.Destinations, s.Facts
	}
	k.elsewhere, err = l.Identities(ctx)
	return k, err
}

// knowledge is what the ledger remembers of all accounts and their destinations.
type knowledge struct {
	destinations map[string][]uidl.Destination // by account
	facts        map[string][]byte             // by account
	held         map[string]error              // accounts that cannot be run
	elsewhere    []string                      // identities of all accounts' destinations
}

// of is what it remembers of an account's destinations; nothing where there is no ledger.
func (k *knowledge) of(account string) []uidl.Destination {
	if k == nil {
		return nil
	}
	return k.destinations[account]
}

// knows tells whether an account was ever fetched.
func (k *knowledge) knows(account string) bool {
	if k == nil {
		return false
	}
	_, ok := k.destinations[account]
	return ok
}

// writable tells whether this process may create entries in a directory.
func writable(dir string) error {
	if err := unix.Access(dir, unix.W_OK|unix.X_OK); err != nil {
		return &fs.PathError{Op: "write to", Path: dir, Err: err}
	}
	return nil
}

// nearest is the closest ancestor that exists.
func nearest(dir string) string {
	for {
		parent := filepath.Dir(dir)
		if _, err := os.Stat(parent); err == nil || parent == dir {
			return parent
		}
		dir = parent
	}
}
