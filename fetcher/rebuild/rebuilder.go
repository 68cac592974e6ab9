// Package rebuild deals with ledgers that may lack rows: one that was lost, restored from an older copy, or repaired. Notes of leases
// beside the database and in the Maildirs show it (DoubtLedger); then what a Maildir shows is entered as delivered there, and the rest
// is held back until a person says what it is (Rebuild). It delivers and deletes nothing.
package rebuild

import (
	"context"
	"time"

	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/uidl"
)

// Rebuilder deals with ledgers that may lack rows.
type Rebuilder struct {
	Settler *settle.Settler
	Name    string // the account's
	Mailbox string // opaque identity of its mailbox
	Rec     *report.Record
	Now     func() time.Time
	Stamp   func() int64        // the first sight of a message that is listed now
	Status  func() *uidl.Status // the account's row, with the facts as they are now
	noted   bool                // the places where mail goes have a note of this lease
	Found   bool                // the ledger was found to lack rows in this pass: nothing may be deleted
	tagged  map[string]string   // see tags
}

// Look is how a session looks at what the server lists.
type Look struct {
	DryRun  bool
	Headers func(ctx context.Context, nums []int) (map[int]uidl.Fingerprint, error) // by TOP, as far as the server gives them
	Weak    func(num int) bool                                                      // such a header other messages may have too
	Memory  func(octets int64) error                                                // asks for memory
}
