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
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/fetcher/verdict"
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
	Memory     *memory.Budget
	Now        func() time.Time
	Built      int64            // when the program was built (Unix seconds): no clock is right that says less; 0: not known
	Log        *zap.Logger      // one line per message and one per pass; nil: none
	Progress   func(Report)     // called now and then, from the pass's goroutines one at a time; nil: none
	BeforeBody func(uid string) // test hook: called before each body is read; nil: none
}

// Report is what one pass did. Counts are of messages.
type Report struct {
	Account      string          `json:"account"`
	Started      time.Time       `json:"started"`
	Duration     time.Duration   `json:"duration_ns"`
	Listed       int             `json:"listed"`  // in the last complete listing
	New          int             `json:"new"`     // became delivered to every destination in this pass, whichever pass retrieved them
	Bytes        int64           `json:"octets"`  // of those, as received
	Deleted      int             `json:"deleted"` // DELE answered +OK
	Kept         int             `json:"kept"`    // delivered and left on the server
	Skipped      int             `json:"skipped"` // left by policy: see Reasons
	Parked       int             `json:"parked"`  // failed too often, or refused for good, here or at a destination: tried again later
	PutOff       int             `json:"put_off"` // of those received: a destination has not taken it, and is tried again
	NewlyParked  int             `json:"newly_parked"`
	Failed       int             `json:"failed"`               // failed in this pass, tried again in the next
	Pending      int             `json:"pending"`              // not durable at every destination yet
	Waived       int             `json:"waived,omitempty"`     // refused for good by a destination that is not required, which goes without
	Quarantined  int             `json:"quarantined"`          // refused by a destination, taken by the fallback
	Recovered    int             `json:"recovered"`            // deliveries of an interrupted pass that were settled first
	Refetched    int             `json:"refetched_unknown"`    // deliveries without trace, fetched again: a duplicate is possible
	Questioned   int             `json:"questioned"`           // UIDs whose message had to be recognised again
	Adopted      int             `json:"adopted"`              // known messages that the server lists under new unique-ids
	Rebuilt      int             `json:"rebuilt"`              // taken as delivered because the Maildir has them: the ledger was missing
	Unfetched    int             `json:"unfetched"`            // with Rebuilt: listed, and not in the Maildir any more: held back
	Notes        []string        `json:"notes,omitempty"`      // what a person should know although nothing failed
	Reasons      map[string]int  `json:"reasons,omitempty"`    // why messages were skipped, parked, kept or failed
	Steps        []Step          `json:"steps,omitempty"`      // with DryRun: the plan
	Held         int             `json:"held,omitempty"`       // held back until a person says what they are: the ledger may have forgotten them
	Withheld     int             `json:"withheld,omitempty"`   // due by policy, and kept because of what is known of them: see Reasons
	OnlyShort    bool            `json:"only_short,omitempty"` // nothing failed but that messages came shorter than listed, and wait: see Short
	Untried      bool            `json:"untried,omitempty"`    // the server was not asked: paused, stopped, busy, or it wants time; Verdict and Notes say why
	Paused       bool            `json:"paused,omitempty"`     // with Untried: because the account is paused
	Busy         bool            `json:"busy,omitempty"`       // with Untried: because another popsync works on the account; no failure unless it was Named
	PassTime     bool            `json:"pass_time,omitempty"`  // it was ended because it took as long as a pass may; where Verdict is OK, the next one is to follow at once
	Slow         bool            `json:"slow,omitempty"`       // what Options.Slow said
	Stopped      bool            `json:"stopped,omitempty"`    // it was told to end before it was done, which is no failure and no success: the next one goes on
	Yielded      bool            `json:"yielded,omitempty"`    // it made room for others (ErrYield), and is to go on; Verdict means nothing
	Waiting      string          `json:"waiting,omitempty"`    // what the pass waits for, or waited for in vain (Untried): "memory"; "": nothing
	NextTry      time.Time       `json:"next_try,omitzero"`    // not before this; zero: the schedule alone decides
	NextSend     time.Time       `json:"next_send,omitzero"`   // when what waits for a destination is due there, without asking the server: see Options.Errand; zero: nothing waits for a time
	Errand       bool            `json:"errand,omitempty"`     // only what waits for destinations was tried
	ParkedWhy    string          `json:"-"`                    // where one of the parked messages is stuck, and why, as far as this pass knows; printable
	Counted      bool            `json:"-"`                    // Parked and PutOff are how the ledger had them at the end
	Planned      int             `json:"-"`                    // messages that this pass means to fetch, those fetched included; for a progress display
	PlannedBytes int64           `json:"-"`                    // and their octets as listed
	Err          error           `json:"-"`                    // what ended the pass early, or nil
	Verdict      verdict.Verdict `json:"verdict"`              // of Err and of what befell messages
}

// Step is one planned step, for people.
type Step struct {
	Action  string `json:"action"` // fetch, delete, skip, retry, verify, compare, hold
	Num     int    `json:"num"`
	UID     string `json:"uid"`
	Size    int64  `json:"size"`
	Reason  string `json:"reason"`
	From    string `json:"from,omitempty"` // with Options.Headers, as far as the server gave it; printable
	Date    string `json:"date,omitempty"` // likewise, in local time where it can be read
	Subject string `json:"subject,omitempty"`
}
