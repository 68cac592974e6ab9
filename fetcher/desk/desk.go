// Package desk is what those have in common who work on one pass: the account and its options, who settles deliveries, what is
// remembered and what is reported, what was brought home so far (Haul), and the clock. A Session is the same for one connection:
// the client, the listing and the plan.
//
// It lets rooms work on one pass without knowing each other. It asks nothing of a server, commits nothing and decides nothing about
// a message: it only answers what follows from what lies on it, such as the time of a listing or what a failed attempt makes of a
// row. The fetcher makes one Desk for each pass and one Session for each connection.
//
// A Desk is used on the goroutine of its pass. Rec, Haul, HasListed and the Settler may be used on those that settle, too.
package desk

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
	Lost    *rebuild.Rebuilder
	Rec     report.Record
	Haul    Haul
	Turns   steps.Turns
	Share   *memory.Share // of the budget for memory, in this session; nil: there is none

	HasListed  atomic.Bool       // a session of this pass has a listing
	Confirmed  int64             // the account's time, by its clock (Unix seconds)
	Elsewhere  bool              // the account has another mailbox than the rows are of
	Epoch      Epoch             // known messages under new unique-ids
	Alone      bool              // step was lost in this pass: one command at a time
	CutFlights int               // how often a flight ended because a message came short
	Expires    bool              // QUIT deletes what was retrieved
	Deleted    map[uidl.Key]bool // DELE was answered +OK in this pass
	vanishing  bool              // see SaysGoneAgain
}

// Now is the time by the clock of this machine.
func (d *Desk) Now() time.Time { return d.Options.Now() }

// Status is the account's row as it is, with the facts as they are now.
func (d *Desk) Status() *uidl.Status {
	st := d.Settler.L.Info().Status
	st.Facts = d.Health.Encode()
	return &st
}

// Epoch is what a pass knows of an epoch change.
type Epoch struct {
	Spare   bool // nothing is deleted: it is not clear which message a unique-id names
	Proven  bool // known messages were found under new unique-ids
	Many    bool // so many left and so many are unknown that nobody knows how many are new
	Unsaved int  // of those: not committed yet
}

// New is a desk without a lease, on which nobody has worked. The Witness is missing.
func New(a Account, o Options) *Desk {
	d := &Desk{Account: a, Options: o, Deleted: map[uidl.Key]bool{}, Health: remembered(a, o), Log: o.Log.With(zap.String("account", a.Name))}
	d.Rec.Rep, d.Rec.Tell, d.Rec.Now = report.Report{Account: a.Name, Started: o.Now()}, o.Progress, o.Now
	d.Settler = &settle.Settler{Log: d.Log, Health: d.Health,
		Quarantined: map[uidl.Key]bool{}, Withheld: map[uidl.Key]bool{}, Config: settle.Config{Account: a.Name,
			DeleteQuarantined: a.DeleteQuarantined, Spool: a.Spool, DryRun: o.DryRun, Asked: o.Asked, SessionTime: o.SessionTime,
			Backoff: o.Backoff, Clock: o.Now}}
	d.Lost = &rebuild.Rebuilder{Settler: d.Settler, Name: a.Name, Mailbox: a.Mailbox, Rec: &d.Rec, Now: o.Now, Stamp: d.Stamp, Status: d.Status}
	d.Turns.Account, d.Turns.Rec, d.Turns.DryRun = d.Health, &d.Rec, o.DryRun
	for _, dest := range a.Destinations {
		d.Settler.Places = append(d.Settler.Places, &settle.Place{Destination: dest})
	}
	return d
}

// remembered is what is remembered of an account, before the ledger is asked.
func remembered(a Account, o Options) *health.Account {
	return &health.Account{Config: health.Config{Name: a.Name, Identity: a.Setting, Login: a.Login, LoginHint: a.LoginHint,
		MinInterval: a.MinInterval, Asked: o.Asked, Named: o.Named, Backoff: o.Backoff, Now: o.Now}}
}
