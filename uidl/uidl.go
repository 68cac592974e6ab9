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
	ErrBusy      = errors.New("it is in use")                                     // lease held elsewhere
	ErrLeaseLost = errors.New("another process took over the account")            // nothing was applied
	ErrLocked    = errors.New("ledger is locked by another process")              // temporary; nothing was applied
	ErrCorrupt   = errors.New("ledger is damaged")                                // never treated as empty
	ErrForeign   = errors.New("file is not a popsync ledger")                     // other application or not a database
	ErrNewer     = errors.New("ledger was written by a newer version of popsync") // schema above ours
	ErrNameTaken = errors.New("the ledger has an account of that name")           // Rename; nothing was changed
	ErrFull      = errors.New("no space left for the ledger")                     // temporary; nothing was applied
)

// Ledger is the memory of all accounts. It is safe for concurrent use.
type Ledger interface {
	// Acquire takes the account's lease, and counts it, unless a note of a later lease says that the ledger is an older copy:
	// to look must not overtake that; ErrBusy if somebody holds it. Until Close, only this Account may change its rows.
	// Of an account that the ledger does not know, Info.Epoch is 0 and nothing is written before the first Commit, which
	// creates its row: to look creates nothing.
	Acquire(ctx context.Context, account string) (Account, error)
	// Rename gives accounts other names, with all that is known of them, all at once or none: they may swap names. It takes
	// the leases of all names, in their order, and gives them back: ErrBusy if somebody holds one. ErrNameTaken if there is
	// an account of a new name that gets no other one, unless it is empty: no listing, no message, no destination. Such a
	// one is dropped. The note of each lease (see Noted) goes along with its account.
	Rename(ctx context.Context, moves []Renaming) error
	// Accounts reads the rows of all accounts, by name, and nothing of their messages; it needs no lease.
	Accounts(ctx context.Context) ([]Info, error)
	// Identities reads what is remembered of all destinations of all accounts, configured or not; it needs no lease.
	Identities(ctx context.Context) ([]string, error)
	// Summaries reads what status shows, by name; it needs no lease.
	Summaries(ctx context.Context) ([]Summary, error)
	// Stuck reads the messages of an account that are Unfetched, those with a delivery that is Parked or PutOff, and those that
	// were given up, listed or not, by (UID, Dup) in byte order; it needs no lease. None: nil, of an unknown account too.
	Stuck(ctx context.Context, account string) ([]Stuck, error)
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
	// Noted is what stands beside the database of an earlier lease: it tells a ledger that is older than the world, or was
	// lost. Each lease of an account that has a row notes its own number once that is committed, unless what stands there
	// is the same account's and higher. ok is false when nothing stands there, when it cannot be read, or when it is of an
	// account that the ledger has under another name.
	Noted() (n Note, ok bool)
	// Forget removes all that is known of the account, at once, and then what stands of it beside the database: the note of
	// the lease, and that of Reading. The ledger does not know the account any more; nothing but Close may follow. Of one
	// that it does not know, only what stands beside the database goes. The errors are those of Commit.
	Forget(ctx context.Context) error
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
	Held       State = 6 // not fetched until a person says what it is: it may have been delivered before the ledger was lost
)

// Row is what a pass needs to know of each message. Times are Unix seconds.
type Row struct {
	Key
	State       State
	Size        int64 // octets as LIST gave them when the message was last recognised; 0: unknown
	FirstSeen   int64 // when a listing first had it; see Clock.Stamp; from 0 to Unstamped
	GoneAt      int64 // when a complete listing first lacked it; 0 while listed
	GoneListing int64 // Info.Listings at that time; 0 while listed
	Attempts    int   // failed attempts charged to it
	NextTry     int64 // not before; 0: at once
	Facts
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
	At          int64  // when this state was entered, Unix seconds
	Message     Facts  // of the message, as Pending read them; Commit does not look at it
	Why         string // Message.Reason of the message, likewise
	Octets      int64  // Message.Octets of the message, likewise
}

// Info is an account's own row. Times are Unix seconds.
type Info struct {
	Name        string
	Token       string // random, of this account under whatever name; "" while Epoch is 0
	Epoch       int64  // counts leases; 0: the ledger has no row of the account
	Generation  int64  // counts changes of the set of destinations; 0: none since the account began, or since schema 1
	Listings    int64  // complete listings seen so far
	ListedAt    int64  // the last one, by the machine's clock; 0: none yet
	SucceededAt int64  // the last pass without failure; 0: none yet
	Clock
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
	Lift         int64         // least Info.Epoch from now on; 0 leaves it
	Listed       bool          // a complete listing was seen at At: counts it, and moves Info.Clock on
	Generation   int64         // Info.Generation from now on; 0 leaves it
	Fold         []int         // ordinals: in all rows Former takes the place of each, and the destination is forgotten
	Destinations []Destination // inserted or replaced by ordinal, all at once: they may swap names
	Vouch        bool          // no row is Unproven any more
	Release      bool          // all rows that are Held become Wanted, as new: without Attempts, NextTry, Reason
	Move         []Moved       // known rows get another key, which must be unknown, with their deliveries
	Remove       []Key         // known rows that are to be as if they had never been listed; one with an open delivery is an error
	Put          []Message     // whole rows, inserted or replaced, facts included: a replaced one was of another message
	Renew        []Message     // whole rows, inserted or replaced; a replaced one is of the same message and keeps its facts
	Mark         []Mark        // state of known rows; an unknown key is an error; facts stay
	Gone         []Key         // known rows that this complete listing lacks: GoneAt, GoneListing
	Back         []Key         // known rows that were gone and are listed again, the same message
	Stage        []Delivery    // inserted or replaced by (Key, Destination); message and destination must exist
	Settle       []Settled     // deliveries that are done with, and what that says of their messages
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

// Moved gives a message another key.
type Moved struct{ From, To Key }

// Renaming gives an account another name.
type Renaming struct {
	From, To string
	// Facts makes the account's Facts of its own and of those of an empty account that had the new name, nil if there was
	// none. Without it, its own stay. It must not use the ledger.
	Facts func(own, empty []byte) []byte
}

// Note is what a lease leaves behind outside of the database.
type Note struct {
	Token string // Info.Token
	Epoch int64  // Info.Epoch
}

// Settled ends a delivery: its row is removed if there is one. Its message must be known if As or State is set.
type Settled struct {
	Key
	Destination string
	As          Outcome
	State       State  // of the message from now on, with Attempts 0 and what follows; 0 leaves it
	NextTry     int64  // of the message
	Reason      string // of the message
}

// Outcome is what the end of a delivery says of its message.
type Outcome uint8

const (
	Dropped  Outcome = iota // nothing: the destination lacks it as before
	Had                     // the destination has it durably
	Inferred                // as Had, but nobody saw it: the message is Unsure too
	Waive                   // it was decided that the destination goes without
)

// Summary is what status shows of an account.
type Summary struct {
	Info
	Last                                         *Pass         // nil before the first
	Destinations                                 []Destination // all ever recorded, by name
	Waiting                                      []Waiting     // destinations for which something is open, by name
	Kept, Wanted, Parked, Skipped, Gone, Pending int           // rows; Kept: delivered and still listed; Pending: deliveries
	PutOff                                       int           // messages with a delivery that is put off, and none that is parked
	Held, Unsure, GivenUp                        int           // rows that are listed: Held; by their facts Unproven, GivenUp

	// Parked are listed messages in that state, and messages with a parked delivery. It and PutOff leave out destinations that
	// are configured no more.
}

// Waiting is what is open for one destination of an account.
type Waiting struct {
	Destination string
	Deliveries  int
	PutOff      int    // of those, how many failed and are tried again soon: see Delivery.PutOff
	Parked      int    // and how many seldom: see Delivery.Parked
	NextTry     int64  // of the first of those parked, Unix seconds; 0: none is
	Since       int64  // when a listing first had the oldest of their messages, Unix seconds
	Reason      string // why one of them failed, the parked ones first; "": none has failed yet
}
