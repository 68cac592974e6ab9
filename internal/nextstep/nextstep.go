// Package nextstep is for errors that tell a person what to do: the step stands beside the text, because a screen, a log and JSON
// each show it apart.
//
// Whoever knows the step adds it, as near to the fault as it is known; whoever shows the error asks for it. It judges nothing.
package nextstep

import "errors"

// Error is an error with a next step.
type Error struct {
	Err  error
	Step string // for a person; "": there is none
}

// Error is the text without the step.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap gives the error without the step.
func (e *Error) Unwrap() error { return e.Err }

// With adds a next step to an error.
func With(err error, step string) error { return &Error{err, step} }

// Of is the next step that an error carries, of several the outermost; "": it carries none.
func Of(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Step
	}
	return ""
}
