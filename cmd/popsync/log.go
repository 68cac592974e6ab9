package main

import (
	"io"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/logs"
	"github.com/popsync/popsync/internal/nextstep"
)

// openLog opens the log that [log] of the configuration asks for, on w unless that names a file. watched: w is a terminal.
func openLog(w io.Writer, watched bool, c config.Log) (*logs.Log, error) {
	l, err := logs.Open(w, logOptions(watched, c))
	if err != nil {
		return nil, noLog(err)
	}
	return l, nil
}

func logOptions(watched bool, c config.Log) logs.Options {
	return logs.Options{Level: c.Level, Format: c.Format, File: c.File, Terminal: watched}
}

func noLog(err error) error {
	return exit.With(exit.Config, nextstep.With(err, "let the user that runs popsync write there, or leave log.file out"))
}
