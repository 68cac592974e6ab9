package settle

import (
	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/uidl"
)

// Destination is one place that every message of the account goes to. Run closes the Target.
type Destination struct {
	Name     string
	Target   deliver.Target
	Setting  string // opaque identity of how it is reached: when it changes, an outage is forgotten; "" is one too
	Optional bool   // one best effort: a message counts as delivered without it
	Fallback bool   // takes what another destination refuses for good, and nothing else; at most one
}

// Leftover is the staging place of a remote destination that is not configured any more. The caller closes it.
type Leftover interface {
	deliver.Opener
	// Discard removes the staged bytes of tickets that the ledger does not hold.
	Discard(tickets []deliver.Ticket) error
	// Remove removes the place, and what of ours is left in it, unless there is more: left is how many files. The ledger holds none
	// of its tickets any more.
	Remove() (left int, err error)
	Close() error
}

// Role is what the ledger calls it.
func (d *Destination) Role() uidl.Role {
	switch {
	case d.Fallback:
		return uidl.Fallback
	case d.Optional:
		return uidl.Optional
	}
	return uidl.Required
}
