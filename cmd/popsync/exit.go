package main

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/internal/screen"
	"github.com/popsync/popsync/internal/words"
)

// Exit codes, after sysexits.h; 2 is left to the Go runtime.
const (
	exitOK       = 0  // nothing failed, whether or not there was mail
	exitUsage    = 64 // a command line that cannot be understood
	exitInternal = 70 // a fault of popsync or of its ledger
	exitIO       = 74 // standard output could not be written, and nothing else failed
	exitTemp     = 75 // something temporary; the next run may succeed unaided
	exitLogin    = 77 // a server refused the login
	exitConfig   = 78 // the configuration, or a place it names, needs a person
)

// exitOf maps what a pass meant to an exit code.
func exitOf(c verdict.Class) int {
	switch c {
	case verdict.OK:
		return exitOK
	case verdict.Login:
		return exitLogin
	case verdict.Config:
		return exitConfig
	case verdict.Internal:
		return exitInternal
	}
	return exitTemp
}

// exitError is an error with its exit code.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

func fail(code int, format string, args ...any) error {
	return &exitError{code, fmt.Errorf(format, args...)}
}

// apart is an error for people and its next step, which the ledger's errors have in their text.
func apart(err error) (text, hint string) {
	text, hint, _ = strings.Cut(errorText(err), " Next step: ")
	return text, cmp.Or(hint, words.Clip(nextstep.Of(err)))
}

// errReported ends a command whose outcome was already shown.
var errReported = errors.New("already reported")

// codeOf is the exit code of a command's error; what cobra refuses is a usage error.
func codeOf(err error) int {
	var e *exitError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &e):
		return e.code
	}
	return exitUsage
}

// errorText is the error that ends a command, for people. What is wrong with a configuration is printable already, one
// line for each problem; what cobra says quotes only the command line.
func errorText(err error) string {
	var problems config.Error
	var ours *exitError
	if errors.As(err, &problems) || !errors.As(err, &ours) {
		return strings.TrimSpace(err.Error())
	}
	return words.Clip(strings.TrimSpace(err.Error()))
}

// printed is the end of a command: what could not be written makes it fail, unless it failed for another reason already,
// which tells more.
func printed(out *screen.Output, err error) error {
	lost := out.Err()
	if ours, _ := errors.AsType[*exitError](err); lost == nil || ours != nil {
		return err
	}
	return &exitError{exitIO, nextstep.With(fmt.Errorf("standard output: %w", lost), "see that there is room where it leads to; what was done stays done")}
}
