package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"go.uber.org/zap"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/internal/logs"
	"github.com/popsync/popsync/internal/notify"
	"github.com/popsync/popsync/internal/screen"
	"github.com/popsync/popsync/internal/words"
)

// What a run says on standard error, the first that applies:
//
//	--quiet              news only
//	--verbose            every line of the log, in log.file as well if there is one
//	log.file             news; a terminal gets none, as it has the table. The lines are in the file
//	a terminal, the
//	journal              every line of the log
//	--dry-run            what failed
//	anything else        news only: cron makes a mail of whatever it gets
//
// News is what an alarm would tell: see newsChannel. What keeps a run from beginning (a usage error, a configuration that
// cannot be read, a damaged ledger) is no line of the log and always said.

// voice is how much a run says on standard error.
type voice struct {
	quiet, verbose bool // as flags
}

// saysLog tells whether standard error gets the lines of the log.
func (a *app) saysLog(v voice, dryRun bool) bool {
	switch {
	case v.quiet:
		return false
	case v.verbose:
		return true
	}
	return a.errTerm || dryRun || logs.IsJournal(screen.Raw(a.err), os.Getenv)
}

// news tells whether standard error gets what an alarm would tell.
func (a *app) news(v voice, dryRun bool) bool { return !dryRun && !a.saysLog(v, dryRun) }

// openRunLog is openLog for a run.
func (a *app) openRunLog(cfg *config.Config, v voice, dryRun bool) (*logs.Log, error) {
	c := cfg.Log
	if dryRun && c.File == "" && !a.saysLog(v, false) {
		c.Level = "error"
	}
	log, err := openLog(a.logWriter(), a.errTerm, c)
	switch {
	case err != nil:
		return nil, err
	case cfg.Log.File == "" && !a.saysLog(v, dryRun):
		log.Logger = zap.NewNop()
	case cfg.Log.File != "" && v.verbose:
		log.Also(a.logWriter(), logOptions(a.errTerm, cfg.Log))
	}
	return log, nil
}

// newsChannel is standard error of a run that nobody watches, as a way to tell of an account. So it is subject to the rules
// of all alarms: trouble is told once, whatever process it befalls, and its end once.
type newsChannel struct {
	mu sync.Mutex
	w  io.Writer
}

// Name tells it from the ways of the configuration.
func (*newsChannel) Name() string { return "standard-error" }

// Send writes a notice. Two accounts' notices stay apart.
func (c *newsChannel) Send(_ context.Context, n notify.Notice) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err := fmt.Fprintf(c.w, "popsync: %s\n\n%s\n", strings.TrimPrefix(n.Subject(), "[popsync] "), n.Text())
	return err
}

// forgot says what could not be remembered: so nobody was told of it by an alarm, and the exit code alone is little.
func (c *newsChannel) forgot(account, what string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fmt.Fprintf(c.w, "popsync: %s: %s\n  %s\n", account, words.Clip(what), errorText(err))
}
