package logs

import (
	"io"

	"go.uber.org/zap"
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
// News is what an alarm would tell: see internal/alarms/news.go. What keeps a run from beginning (a usage error, a configuration that
// cannot be read, a damaged ledger) is no line of the log and always said.

// Voice is how much a run says on standard error.
type Voice struct {
	Quiet, Verbose, DryRun bool // as flags
	Watched                bool // it is a terminal
	Journal                bool // it leads to the journal
}

// says tells whether standard error gets the lines of the log.
func (v Voice) says() bool {
	switch {
	case v.Quiet:
		return false
	case v.Verbose:
		return true
	}
	return v.Watched || v.DryRun || v.Journal
}

// News tells whether standard error gets what an alarm would tell.
func (v Voice) News() bool { return !v.DryRun && !v.says() }

// ForRun is Open for a run, which says no more than that on w.
func ForRun(w io.Writer, o Options, v Voice) (*Log, error) {
	real := v
	real.DryRun = false
	if v.DryRun && o.File == "" && !real.says() {
		o.Level = "error"
	}
	log, err := Open(w, o)
	switch {
	case err != nil:
		return nil, err
	case o.File == "" && !v.says():
		log.Logger = zap.NewNop()
	case o.File != "" && v.Verbose:
		log.Also(w, o)
	}
	return log, nil
}
