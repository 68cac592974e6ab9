package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/internal/transcript"
)

// traceFlag adds --trace, which writes down what passes on the wire.
func traceFlag(c *cobra.Command, file *string) {
	c.Flags().StringVar(file, "trace", "", "write the wire to a new `FILE`, without secrets")
}

// trace begins the transcript in a new file; "": nobody wants one. over ends it.
func (a *app) trace(file string) (over func(), err error) {
	if file == "" {
		return func() {}, nil
	}
	path, err := filepath.Abs(file)
	if err != nil {
		return nil, exit.With(exit.Config, err)
	}
	switch a.transcript, err = transcript.Create(path); {
	case errors.Is(err, fs.ErrExist):
		return nil, exit.With(exit.Config, nextstep.With(fmt.Errorf("--trace: %s is there already, and nothing is replaced", path), "name another file"))
	case err != nil:
		return nil, exit.With(exit.Config, fmt.Errorf("--trace: no file could be made: %w", err))
	}
	return func() {
		if err := a.transcript.Close(); err != nil {
			fmt.Fprintf(a.Err, "popsync: the transcript is not complete: %v\n", err)
		} else if a.ErrTerm {
			fmt.Fprintf(a.Err, "popsync: what passed on the wire is in %s: no passwords and no mail, but names of users, servers and recipients\n", path)
		}
	}, nil
}
