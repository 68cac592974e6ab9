package fetcher

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/uidl"
)

// settler takes what a pass has staged through the delivery protocol, and settles what earlier passes left. The reader, the
// settling of batches and the outboxes share it.
type settler struct {
	settling
	obs    witness
	l      uidl.Account
	log    *zap.Logger
	dests  []*destination
	known  []uidl.Destination // all that the ledger knows, configured or not
	set    *plan.Set
	health *health.Account

	pending map[uidl.Key]*plan.OpenState // messages with open deliveries, as of the session's beginning
	halted  atomic.Bool                  // the ledger failed: nothing more is fetched

	committing  sync.Mutex // held while a change is built and committed; guards what follows
	doubt       error      // a commit failed: there is no other
	open        map[uidl.Key]*openMessage
	quarantined map[uidl.Key]bool // a fallback took it in this pass
	withheld    map[uidl.Key]bool // its facts keep it on the server

	carrying sync.Mutex
	carry    uidl.Change // goes with the next commit
}

// settling is what the configuration, and whoever wants the pass, say of deliveries.
type settling struct {
	account           string
	deleteQuarantined bool // what only the fallback took is deleted as soon as policy says so, not after 7 days
	spool             func(identity string) (Leftover, error)
	dryRun            bool // decide, and write nothing
	asked             bool // a person wants this pass now
	sessionTime       time.Duration
	backoff           func(failures int) time.Duration
	clock             func() time.Time
}

func (p *settler) now() time.Time { return p.clock() }

// witness hears what becomes of messages. Methods may be called from several goroutines at once, some of them while a
// change is being built: they commit nothing.
type witness interface {
	Reason(text string)                                  // why something did not go as wished
	Mention(text string)                                 // what a person should know although nothing failed
	Worst(v verdict.Verdict)                             // what befell a destination
	Refetched()                                          // a delivery left no trace: its message is fetched again
	Quarantined()                                        // a fallback took a message
	Waived()                                             // a destination that is not required goes without one
	FailedAt(k uidl.Key, why string, parked, newly bool) // an attempt at a destination failed
	Untaken(c *uidl.Change, m *received, why error)      // no required destination took a message: it is charged by c
	Committed(ctx context.Context)                       // a batch is in the ledger
	Secured(m *received)                                 // every destination has it durably, published or not
	Delivered(m *received)                               // it is delivered everywhere
	Recovered(row uidl.Delivery, done, late bool)        // so is one that an earlier pass retrieved, if done; late: a session has begun
}
