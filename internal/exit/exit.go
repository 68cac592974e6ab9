// Package exit has the exit codes of commands, after sysexits.h, and the errors that carry them: what ended a command, for people, and
// the next step.
//
// Commands, and the rooms that do a command's work, make such errors; the program prints the last one and ends with its code. It prints
// nothing itself.
package exit

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/internal/words"
)

// Exit codes, after sysexits.h; 2 is left to the Go runtime.
const (
	OK       = 0  // nothing failed, whether or not there was mail
	Usage    = 64 // a command line that cannot be understood
	Internal = 70 // a fault of popsync or of its ledger
	IO       = 74 // standard output could not be written, and nothing else failed
	Temp     = 75 // something temporary; the next run may succeed unaided
	Login    = 77 // a server refused the login
	Config   = 78 // the configuration, or a place it names, needs a person
)

// Of maps what a pass meant to an exit code.
func Of(c verdict.Class) int {
	switch c {
	case verdict.OK:
		return OK
	case verdict.Login:
		return Login
	case verdict.Config:
		return Config
	case verdict.Internal:
		return Internal
	}
	return Temp
}

// Error is an error with its exit code.
type Error struct {
	Code int
	Err  error
	Raw  bool // its text is printable as it is, one line for each problem
}

func (e *Error) Error() string { return e.Err.Error() }

// Unwrap gives the error without its code.
func (e *Error) Unwrap() error { return e.Err }

// With gives an error its exit code.
func With(code int, err error) error { return &Error{Code: code, Err: err} }

// Errorf makes an error with its exit code, as fmt.Errorf does.
func Errorf(code int, format string, args ...any) error {
	return With(code, fmt.Errorf(format, args...))
}

// Judged gives an error of a pass its exit code and its next step.
func Judged(err error) error {
	var known *nextstep.Error
	if errors.As(err, &known) {
		return With(Config, err)
	}
	v := verdict.Of(err)
	return With(Of(v.Class), nextstep.With(fmt.Errorf("%s", v.Message), v.Hint))
}

// Apart is an error for people and its next step, which the ledger's errors have in their text.
func Apart(err error) (text, hint string) {
	text, hint, _ = strings.Cut(Text(err), " Next step: ")
	return text, cmp.Or(hint, words.Clip(nextstep.Of(err)))
}

// ErrReported ends a command whose outcome was already shown.
var ErrReported = errors.New("already reported")

// CodeOf is the exit code of a command's error; one that has none is a usage error.
func CodeOf(err error) int {
	var e *Error
	switch {
	case err == nil:
		return OK
	case errors.As(err, &e):
		return e.Code
	}
	return Usage
}

// Text is the error that ends a command, for people. Errors without a code quote only the command line.
func Text(err error) string {
	text := strings.TrimSpace(err.Error())
	var e *Error
	if !errors.As(err, &e) {
		return text
	}
	for ok := true; ok; ok = errors.As(e.Err, &e) {
		if e.Raw {
			return text
		}
	}
	return words.Clip(text)
}
