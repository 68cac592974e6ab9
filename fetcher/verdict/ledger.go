package verdict

import (
	"errors"

	"github.com/popsync/popsync/uidl"
)

// OfLedger tells what it means that the ledger cannot be opened or read by a command.
func OfLedger(err error) Class {
	switch {
	case errors.Is(err, uidl.ErrLocked):
		return Temporary
	case errors.Is(err, uidl.ErrCorrupt), errors.Is(err, uidl.ErrForeign), errors.Is(err, uidl.ErrNewer):
		return Internal
	}
	return Config
}
