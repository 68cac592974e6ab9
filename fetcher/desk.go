package fetcher

import (
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/memory"
	"github.com/popsync/popsync/fetcher/rebuild"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/fetcher/steps"
	"github.com/popsync/popsync/uidl"
)

// Desk is what those share who work on one pass. It is built with the pass, and its Settler has the lease.
type Desk struct {
	Account Account // as this pass takes it: what keeps it from deleting is noted here
	Options Options
	Settler *settle.Settler // the ledger, the destinations, and what is carried for the next commit
	Health  *health.Account // the Settler's
	Log     *zap.Logger     // the Settler's
	lost    *rebuild.Rebuilder
	rec     report.Record
	haul    haul
	turns   steps.Turns
	share   *memory.Share // of the budget for memory, in this session; nil: there is none

	hasListed  atomic.Bool       // a session of this pass has a listing
	confirmed  int64             // the account's time, by its clock (Unix seconds)
	elsewhere  bool              // the account has another mailbox than the rows are of
	epoch      epochState        // known messages under new unique-ids
	alone      bool              // step was lost in this pass: one command at a time
	cutFlights int               // how often a flight ended because a message came short
	expires    bool              // QUIT deletes what was retrieved
	deleted    map[uidl.Key]bool // DELE was answered +OK in this pass
	vanishing  bool              // see vanishedUnnoted
}

// now is the time by the clock of this machine.
func (d *Desk) now() time.Time { return d.Options.Now() }

// status is the account's row as it is, with the facts as they are now.
func (d *Desk) status() *uidl.Status {
	st := d.Settler.L.Info().Status
	st.Facts = d.Health.Encode()
	return &st
}

// epochState is what a pass knows of an epoch change.
type epochState struct {
	spare   bool // nothing is deleted: it is not clear which message a unique-id names
	proven  bool // known messages were found under new unique-ids
	many    bool // so many left and so many are unknown that nobody knows how many are new
	unsaved int  // of those: not committed yet
}
