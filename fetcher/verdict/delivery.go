package verdict

import (
	"errors"

	"github.com/popsync/popsync/deliver"
)

// RefusedByRelay tells whether a destination refused our login for good.
func RefusedByRelay(err error) bool {
	var e *deliver.Error
	return errors.As(err, &e) && e.Login && e.Permanent
}

// ScopeOf tells what an error of a destination is about; what is no deliver.Error is about the whole of it.
func ScopeOf(err error) deliver.Scope {
	var e *deliver.Error
	if errors.As(err, &e) {
		return e.Scope
	}
	return deliver.WholeTarget
}

// Permanent tells whether trying the same message again is pointless.
func Permanent(err error) bool {
	var e *deliver.Error
	return errors.As(err, &e) && e.Permanent && e.Scope == deliver.ThisMessage
}
