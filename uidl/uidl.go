// Package uidl is the ledger: it remembers durably, per account, which messages were dealt with and how far each
// delivery got. The name is that of the POP3 command whose answers are its keys (RFC 1939, section 7).
//
// It decides nothing and logs nothing; it refuses to guess: a ledger that cannot be read is an error, never an empty
// one. Each change is one transaction that survives a power cut once Commit returned nil.
package uidl

import (
	"context"
	"errors"
	"iter"
)

// Errors that callers tell apart with errors.Is.
var (
	ErrBusy      = errors.New("account is in use by another popsync")             // lease held elsewhere
	ErrLeaseLost = errors.New("another process took over the account")            // nothing was applied
	ErrLocked    = errors.New("ledger is locked by another process")              // temporary; nothing was applied
	ErrCorrupt   = errors.New("ledger is damaged")                                // never treated as empty
	ErrForeign   = errors.New("file is not a popsync ledger")                     // other application or not a database
	ErrNewer     = errors.New("ledger was written by a newer version of popsync") // schema above ours
	ErrNameTaken = errors.New("the ledger has an account of that name")           // Rename; nothing was changed
)

// Ledger is the memory of all accounts. It is safe for concurrent use.
type Ledger interface {
	// Acquire takes the account's lease and creates the account's row when it is new; ErrBusy if somebody holds it.
	// Until Close, only this Account may change its rows.
	Acquire(ctx context.Context, account string) (Account, error)
	// Rename gives an account another name, with all that is known of it. It takes the leases of both names and gives
	// them back: ErrBusy if somebody holds one. ErrNameTaken if there is an account of the new name already.
	Rename(ctx context.Context, from, to string) error
	// Accounts reads the rows of all accounts, by name, and nothing of their messages; it needs no lease.
	Accounts(ctx context.Context) ([]Info, error)
	// Summaries reads what status shows, by name; it needs no lease.
	Summaries(ctx context.Context) ([]Summary, error)
	// Check reads the whole ledger for damage; ErrCorrupt when it finds some.
	Check(ctx context.Context) error
	// Close frees the ledger. Accounts must be closed before.
	Close() error
}

// Account is one account's part of the ledger while its lease is held. One goroutine may read while another commits.
type Account interface {
	// Info is the account's own row, as of Acquire and the commits since.
	Info() Info
	// Messages yields all rows, tombstones included, by (UID, Dup) in byte order, without Details.
	Messages(ctx context.Context) iter.Seq2[Row, error]
	// Find returns the whole rows of the keys that are known, in any order.
	Find(ctx context.Context, keys []Key) ([]Message, error)
	// Matches returns the whole rows, tombstones included, that have one of the fingerprints.
	Matches(ctx context.Context, fps []Fingerprint) ([]Message, error)
	// Pending returns all staged and publishing deliveries, oldest (smallest Seq) first.
	Pending(ctx context.Context) ([]Delivery, error)
	// Destinations returns all destinations ever recorded, by name.
	Destinations(ctx context.Context) ([]Destination, error)
	// Commit applies one change atomically; nil means it survives a power cut. ErrLeaseLost and ErrLocked: nothing
	// was applied. Any other error leaves the change in doubt: stop, and let the next Acquire tell.
	Commit(ctx context.Context, c Change) error
	// Reading notes, without sync, which message's body is about to be read: one small write that outlives the
	// process but not the machine. The zero Key notes that none is.
	Reading(k Key) error
	// Interrupted is the message that an earlier holder of the lease was reading when it died, until the next Reading.
	Interrupted() (k Key, ok bool)
	// Close gives the lease back. It does not clear the note of Reading.
	Close() error
}

// Key names a message of one account.
type Key struct {
	UID string // bytes as the server gave them, at most 512
	Dup int    // how many-th with this UID in a listing, from 0
}

// State says how far a message got.
type State uint8

// The numbers are stored; never renumber.
const (
	Wanted     State = 1 // known, not at its destinations yet
	Delivered  State = 2 // durable at every destination
	DeleteSent State = 3 // Delivered, and DELE is about to be sent or was; not noted when it was refused
	Parked     State = 4 // failed too often; tried again at NextTry
	Skipped    State = 5 // left on the server by policy (too large); looked at again in every pass
)

// Row is what a pass needs to know of each message. Times are Unix seconds.
type Row struct {
	Key
	State       State
	Size        int64 // octets as LIST gave them when the message was last recognised; 0: unknown
	FirstSeen   int64 // when a listing first had it
	FirstDay    int64 // Info.ListingDays at that time
	GoneAt      int64 // when a complete listing first lacked it; 0 while listed
	GoneListing int64 // Info.Listings at that time; 0 while listed
	Attempts    int   // failed attempts charged to it
	NextTry     int64 // not before; 0: at once
}

// Message is a whole row.
type Message struct {
	Row
	Octets      int64       // octets received, line ends as CRLF; 0 before the first delivery
	SHA256      [32]byte    // of the message as received; zero before
	Fingerprint Fingerprint // of its header; zero: none
	Reason      string      // why it is parked or skipped, or failed last; printable ASCII
}

// Fingerprint recognises a message by its header; zero means there is nothing to recognise it by.
type Fingerprint [16]byte

// DeliveryState says how far a delivery to one destination got. A settled delivery has no row.
type DeliveryState uint8

// The numbers are stored; never renumber.
const (
	Staged     DeliveryState = 1 // our copy is durable, nothing irreversible has begun
	Publishing DeliveryState = 2 // an irreversible step may have begun
	Owed       DeliveryState = 3 // no copy of ours is left: the message must be fetched again for this destination
)

// Delivery is an unsettled delivery of a message to one destination.
type Delivery struct {
	Key
	Destination string // name
	State       DeliveryState
	Seq         int64 // order of publishing, assigned by the ledger when 0
	Ticket      string
	InDoubt     int // endings in doubt so far
	Attempts    int
	NextTry     int64 // Unix seconds
	Reason      string
	At          int64 // when this state was entered, Unix seconds
}

// Destination is what the ledger remembers of a destination.
type Destination struct {
	Name     string
	Identity string // opaque, from deliver.Target; "" when only the name is known
}

// Info is an account's own row. Times are Unix seconds.
type Info struct {
	Name        string
	Epoch       int64 // counts leases
	Listings    int64 // complete listings seen so far
	ListingDays int64 // distinct days (UTC) with at least one
	ListedAt    int64 // the last one; 0: none yet
	SucceededAt int64 // the last pass without failure; 0: none yet
	Status
}

// Status is the part of an account's row that a pass writes as a whole.
type Status struct {
	NextTry  int64  // not before; 0: at once
	Failures int    // passes in a row that failed
	Verdict  string // of the last pass; "" when all was well
	Facts    []byte // JSON: what the server taught us; nil keeps what is stored
}

// Pass is one finished pass over an account.
type Pass struct {
	Started, Ended int64  // Unix seconds
	OK             bool   // nothing failed
	Verdict        string // what failed, for people; printable ASCII
	Totals         []byte // JSON, written and read by the fetcher and status
}

// Change is everything that one transaction writes; the zero value writes nothing. It is applied in the order of its
// fields.
type Change struct {
	At           int64         // Unix seconds, for every time below that the ledger itself fills in
	Listed       bool          // a complete listing was seen: counts it (and its day) in Info
	Destinations []Destination // inserted or replaced by name
	Put          []Message     // whole rows, inserted or replaced
	Mark         []Mark        // state of known rows; an unknown key is an error
	Gone         []Key         // known rows that this complete listing lacks: GoneAt, GoneListing
	Back         []Key         // known rows that were gone and are listed again, the same message
	Stage        []Delivery    // inserted or replaced by (Key, Destination); the message row must exist
	Settle       []Settled     // removed; a missing one is no error
	Purge        bool          // removes tombstones 90 days and 10 complete listings old
	Status       *Status       // nil leaves it
	Pass         *Pass         // nil adds none; the last 100 are kept; OK also sets Info.SucceededAt
}

// Mark changes the state of a known row and leaves the rest of it. Size 0 leaves the size too.
type Mark struct {
	Key
	State    State
	Size     int64
	Attempts int
	NextTry  int64
	Reason   string
}

// Settled names a delivery that is done with.
type Settled struct {
	Key
	Destination string
}

// Summary is what status shows of an account.
type Summary struct {
	Info
	Last                                         *Pass         // nil before the first
	Destinations                                 []Destination // all ever recorded, by name
	Waiting                                      []Waiting     // destinations for which something is open, by name
	Kept, Wanted, Parked, Skipped, Gone, Pending int           // rows; Kept: delivered and still listed; Pending: deliveries
}

// Waiting is what is open for one destination of an account.
type Waiting struct {
	Destination string
	Deliveries  int
	PutOff      int    // of those, how many failed and got a time of their own before which they are not tried
	Since       int64  // when a listing first had the oldest of their messages, Unix seconds
	Reason      string // why one of them failed, of those put off if there are any; "": none has failed yet
}
