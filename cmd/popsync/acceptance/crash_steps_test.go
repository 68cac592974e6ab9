//go:build linux && (amd64 || arm64)

package acceptance_test

import (
	"strings"

	"github.com/popsync/popsync/internal/crash"
)

// The steps of the delivery protocol and what is around them, as a table of hits names them.
const (
	stepCreate     = "ledger creation"
	stepOpen       = "ledger opening"
	stepMaildir    = "Maildir creation"
	stepRecovery   = "recovery"
	stepCommand    = "other command"
	stepAttempt    = "attempt marker"
	stepStage      = "stage write"
	stepBarrier    = "barrier"
	stepPublishing = "publishing commit"
	stepRename     = "rename"
	stepDirectory  = "directory sync"
	stepSettled    = "settled commit"
	stepDele       = "DELE"
	stepDeleted    = "deletion commit"
	stepQuit       = "QUIT"
	stepReport     = "report commit"
	stepDiscard    = "discard"
	stepMigration  = "migration" // of the ledger's schema

	// Of remote destinations.
	stepSpooling = "spool creation"
	stepSpool    = "spool write"
	stepSpooled  = "spool barrier"
	stepSend     = "send"
	stepMark     = "sent mark"
	stepSent     = "sent commit"
	stepDropped  = "spool discard"
)

var allSteps = []string{
	stepCreate, stepMigration, stepOpen, stepMaildir, stepRecovery, stepCommand, stepAttempt, stepStage, stepBarrier, stepPublishing,
	stepRename, stepDirectory, stepSettled, stepDele, stepDeleted, stepQuit, stepReport, stepDiscard,
	stepSpooling, stepSpool, stepSpooled, stepSend, stepMark, stepSent, stepDropped,
}

// protocolSteps are those that every sweep of a whole run must hit. QUIT is a call of its own only where all is kept.
var protocolSteps = []string{
	stepStage, stepBarrier, stepPublishing, stepRename, stepDirectory, stepSettled,
}

// stepper tells of each call of one run which step it belongs to. What the ledger writes is told by what came before. A
// barrier may come while the batch before it is settled: then the settled commit has the name of a publishing commit.
type stepper struct {
	state, mail string // directories, with a slash at the end
	making      bool   // the Maildir's directories are made in this run
	migrates    bool   // what the ledger writes before an account is taken is a migration
	connected   bool
	last        string // last step outside the ledger and the reader
}

// step returns "" for calls that leave nothing behind: to wake a thread of our own, to write a log line.
func (s *stepper) step(c crash.Call) string {
	switch {
	case c.Path == "socket" && sending(c.Head):
		return s.now(stepSend)
	case strings.HasPrefix(c.Path, s.state+"spool/"):
		return s.spool(c)
	case c.Path == "socket":
		s.connected = true
		verb, _, _ := strings.Cut(string(c.Head), " ")
		switch strings.TrimSpace(verb) {
		case "DELE":
			if s.now(stepDele); strings.Contains(string(c.Head), "QUIT") {
				s.now(stepQuit)
			}
			return stepDele
		case "QUIT":
			return s.now(stepQuit)
		}
		return stepCommand
	case strings.HasPrefix(c.Path, s.state+"lease/"):
		s.migrates = false
		return stepAttempt
	case strings.HasPrefix(c.Path+"/", s.state):
		return s.ledger(c)
	case strings.HasPrefix(c.Path+"/", s.mail):
		return s.maildir(c)
	case strings.HasPrefix(s.state, c.Path+"/"):
		return stepMaildir // or the state directory: what holds both is synced
	}
	return ""
}

// now remembers a step that tells what the ledger will write next.
func (s *stepper) now(step string) string {
	s.last = step
	return step
}

func (s *stepper) ledger(c crash.Call) string {
	name := strings.TrimPrefix(c.Path, s.state)
	if name != "ledger.db" && !strings.HasPrefix(name, "ledger.db-") || c.Name == "unlink" {
		return stepCreate
	}
	if s.migrates {
		return stepMigration
	}
	switch s.last {
	case stepRecovery:
		return stepRecovery
	case stepBarrier:
		return stepPublishing
	case stepRename, stepDirectory:
		if strings.HasSuffix(c.Name, "sync") && name == "ledger.db-wal" {
			s.now(stepSettled)
		}
		return stepSettled
	case stepSettled:
		return stepDeleted
	case stepSend, stepMark, stepDropped:
		return stepSent
	case stepDele:
		return stepDeleted
	case stepQuit:
		return stepReport
	}
	return stepOpen
}

func (s *stepper) maildir(c crash.Call) string {
	sub, name, _ := strings.Cut(strings.TrimPrefix(c.Path, s.mail), "/")
	sync := c.Name == "fsync" || c.Name == "fdatasync" || c.Name == "syncfs"
	s.making = s.making && !s.connected || c.Name == "mkdir"
	switch {
	case s.making:
		return stepMaildir
	case sub == "tmp" && c.Name == "unlink":
		return stepDiscard
	case sub == "tmp" && c.Name == "rename" && s.connected:
		return s.now(stepRename)
	case sub == "tmp" && sync && s.connected:
		return s.now(stepBarrier)
	case sub == "tmp" && name != "" && s.connected:
		return stepStage
	case (sub == "new" || sub == "cur") && sync && s.connected:
		return s.now(stepDirectory)
	case sub == "tmp" || sub == "new" || sub == "cur":
		return s.now(stepRecovery) // before there is a connection
	}
	return stepMaildir
}
