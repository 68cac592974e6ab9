// Package identity finds out which of the destinations that the ledger knows each configured one is: a place is known by what it is,
// not by its name or path. What changed is written down before anything is staged. It makes sure that each place is there, and
// delivers nothing.
package identity

import (
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/uidl"
)

// Destinations finds out which of the destinations that the ledger knows each configured one is.
type Destinations struct {
	Settler *settle.Settler
	Name    string // the account's
	Ledger  uidl.Ledger
	Rec     *report.Record
	Status  func() *uidl.Status // the account's row, with the facts as they are now
}
