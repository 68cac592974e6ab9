package probe

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/alarms"
	"github.com/popsync/popsync/internal/checkup"
	"github.com/popsync/popsync/internal/metrics"
	"github.com/popsync/popsync/internal/notify"
	"github.com/popsync/popsync/internal/safepath"
)

// Places are what a configuration names beside accounts; "": nothing.
type Places struct {
	Command  []string // of alarms
	Webhook  bool     // there is one for alarms
	Textfile string   // of figures
	Socket   string
	Log      string // the file that lines are appended to
}

// NewMailCommand looks whether the new_mail_command of an account could be run, and whether others could have replaced it.
func NewMailCommand(s *checkup.Sheet, args []string) {
	lookAtProgram(s, checkup.PartConfiguration, "new_mail_command", "new_mail_command", args)
}

// lookAtProgram looks at a program, which a key names.
func lookAtProgram(s *checkup.Sheet, part checkup.Part, key, word string, args []string) {
	command, err := notify.NewCommand(args)
	if err == nil {
		err = command.Check()
	}
	if err != nil {
		s.Fail(part, verdict.Config, key+": "+err.Error(), alarms.CommandHint(err))
	} else {
		s.OK(part, fmt.Sprintf("%s %s is there and may be run; it was not run", word, args[0]))
	}
}

// Look looks whether others could misuse them.
func (p Places) Look(s *checkup.Sheet) {
	if args := p.Command; len(args) > 0 {
		lookAtProgram(s, checkup.PartAlarm, "alarm.command", "command", args)
	}
	if p.Webhook {
		s.Info(checkup.PartAlarm, "the webhook was not asked; popsync check --alarm sends it a test")
	}
	if path := p.Textfile; path != "" {
		if err := metrics.CheckTextfile(path); err != nil {
			s.Fail(checkup.PartConfiguration, verdict.Config, "metrics.textfile: "+err.Error(), "")
		}
	}
	if p.Log != "" {
		if info, err := os.Stat(filepath.Dir(p.Log)); err != nil || !info.IsDir() {
			s.Fail(checkup.PartConfiguration, verdict.Config, "log.file: its folder "+filepath.Dir(p.Log)+" is not there", "make it, for the user that runs popsync; or set another log.file")
		}
	}
	if p.Socket != "" {
		_, err := safepath.Check(filepath.Dir(p.Socket))
		if fault, ok := errors.AsType[*safepath.Error](err); ok {
			s.Fail(checkup.PartConfiguration, verdict.Config, "control.socket: "+err.Error(), fault.Mend)
		}
	}
}
