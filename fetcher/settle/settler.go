// Package settle is the delivery protocol (ARCHITECTURE.md): copies are staged at every destination, made durable together,
// named in one commit of the ledger, published, and settled by another one; and what an earlier pass left is taken up where it
// stands. It knows the ledger and the destinations, and nothing of the server that the mail comes from.
//
// A Settler belongs to one pass. It tells a Witness what becomes of messages. From the moment a commit that names a copy is
// attempted, the copy belongs to the ledger: nothing here discards it unless it is certain that nothing was applied.
package settle

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/popsync/popsync/fetcher/facts"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/uidl"
)

// Settler takes what a pass has staged through the delivery protocol, and settles what earlier passes left. The reader, the
// settling of batches and the outboxes share it.
type Settler struct {
	Config
	Obs    Witness
	L      uidl.Account
	Log    *zap.Logger
	Places []*Place
	Known  []uidl.Destination // all that the ledger knows, configured or not
	Set    *facts.Set
	Health *health.Account

	Pending map[uidl.Key]*facts.OpenState // messages with open deliveries, as of the session's beginning
	Halted  atomic.Bool                   // the ledger failed: nothing more is fetched

	Committing  sync.Mutex // held while a change is built and committed; guards what follows
	Doubt       error      // a commit failed: there is no other
	Open        map[uidl.Key]*OpenMessage
	Quarantined map[uidl.Key]bool // a fallback took it, and it was refused or delivered in this pass
	Withheld    map[uidl.Key]bool // its facts keep it on the server

	carrying sync.Mutex
	Carry    uidl.Change // goes with the next commit
}

// Config is what the configuration, and whoever wants the pass, say of deliveries.
type Config struct {
	Account           string
	DeleteQuarantined bool // what only the fallback took is deleted as soon as policy says so, not after 7 days
	Spool             func(identity string) (Leftover, error)
	DryRun            bool // decide, and write nothing
	Asked             bool // a person wants this pass now
	SessionTime       time.Duration
	Backoff           func(failures int) time.Duration
	Clock             func() time.Time
	Over              func() error // why whoever wants the pass has ended it; nil, or no error: nobody has
}

func (p *Settler) now() time.Time { return p.Clock() }

// Witness hears what becomes of messages. Methods may be called from several goroutines at once, some of them while a
// change is being built: they commit nothing.
type Witness interface {
	Reason(text string)                                  // why something did not go as wished
	Mention(text string)                                 // what a person should know although nothing failed
	Worst(v verdict.Verdict)                             // what befell a destination
	Refetched()                                          // a delivery left no trace: its message is fetched again
	Quarantined()                                        // a fallback took a message
	Waived()                                             // a destination that is not required goes without one
	FailedAt(k uidl.Key, why string, parked, newly bool) // an attempt at a destination failed
	Untaken(c *uidl.Change, m *Received, why error)      // no required destination took a message: it is charged by c
	Committed(ctx context.Context)                       // a batch is in the ledger
	Secured(m *Received)                                 // every destination has it durably, published or not
	Settled()                                            // one of its destinations has it
	Delivered(m *Received)                               // it is delivered everywhere
	Recovered(row uidl.Delivery, done, late bool)        // so is one that an earlier pass retrieved, if done; late: a session has begun
}
