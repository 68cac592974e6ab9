// Package fetcher runs one pass over one account: the only place where pop3, uidl and deliver meet.
//
// A pass settles what the last one left unfinished, lists the mailbox, plans, retrieves new messages into every
// destination through the delivery protocol (ARCHITECTURE.md), and deletes on the server what policy and the delete
// guard allow, never before the ledger has committed that it is durable everywhere.
package fetcher

import (
	"time"

	"go.uber.org/zap"

	"github.com/popsync/popsync/fetcher/memory"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/pop3"
)

// Account is one mailbox and what to do with it. Run does not change it.
type Account struct {
	Name         string       // as configured; [a-z0-9._-]{1,64}
	Server       pop3.Options // where and how to connect
	Login        pop3.Login   // asked for the secret at each login
	Policy       plan.Policy
	Destinations []settle.Destination // at least one, with different names
	RetrHides    bool                 // server hides what was RETRieved once QUIT arrives (Gmail): see Providers
	NeverDelete  bool                 // no DELE on this login whatever the policy says (Gmail's recent:)
	// MinInterval is the least time between two logins that the provider is known to want; 0: what the server announces.
	MinInterval time.Duration
	// LoginHint is what a person must do at this provider for a login to work; "": the general advice.
	LoginHint string
	// Setting is an opaque identity of all that decides whether a login can work, the secret's source included and its
	// value not: when it changes, what is remembered of refused logins is forgotten. "": it is never taken for changed.
	Setting string
	// Mailbox is an opaque identity of the mailbox: host, port and user. When it changes, unique-ids that are known may be
	// those of other messages, and every one of them is recognised anew. "": it is never taken for changed.
	Mailbox string
	// Owner is an opaque identity of the configuration that the account stands in; stored, so that two configurations with
	// one ledger are told apart: see OwnerOf. "": it is not known.
	Owner string
	// Spool opens what waits for a remote destination that is not configured any more, by its identity; nil: nothing can.
	Spool func(identity string) (settle.Leftover, error)
	// DeleteQuarantined deletes what only the fallback took as soon as the policy says so, not after 7 days.
	DeleteQuarantined bool
	// IgnoreSizes: the sizes that the server lists are no evidence of anything, whatever was learned of them.
	IgnoreSizes bool
}

// Options are the same for all accounts. Zero fields take the default in brackets.
type Options struct {
	BatchMessages   int           // messages made durable at once [500]
	BatchBytes      int64         // or octets of them [8 MiB]
	BatchTime       time.Duration // or since the batch's first message [1 s]
	SessionMessages int           // messages after which a session is closed, so that deletions count [5,000]
	SessionTime     time.Duration // or its age [15 min]
	Sessions        int           // sessions in one pass at most [1,000]
	PassTime        time.Duration // after which the pass is ended; the rest comes with the next [12 h]
	FreeFloor       int64         // octets that stay free at a destination; negative: none [16 MiB]
	DryRun          bool          // log in, list, plan; change nothing anywhere
	Headers         bool          // with DryRun: ask for headers (TOP), so that Report.Steps say from whom and what about
	Errand          bool          // only what waits for destinations is tried; the server is not asked
	Asked           bool          // a person wants this pass now: a stopped login and all waiting count for nothing
	Named           bool          // a person named the account: a pause counts for nothing, and another popsync at work on it is told as a failure
	// Slow is asked when the pass is written down, well or not: whether it was so slow, or took so long while others waited,
	// that the next one begins apart from the others. It is remembered: see State.Slow. nil: no.
	Slow func(well bool) bool
	// Backoff is how long to wait after so many failures in a row, from 1; nil: not at all.
	Backoff func(failures int) time.Duration
	// Memory bounds what the listings and rows of all passes take together; nil: nothing does.
	Memory   *memory.Budget
	Now      func() time.Time
	Built    int64               // when the program was built (Unix seconds): no clock is right that says less; 0: not known
	Log      *zap.Logger         // one line per message and one per pass; nil: none
	Progress func(report.Report) // called now and then, from the pass's goroutines one at a time; nil: none
}
