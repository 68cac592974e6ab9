// Package uidl is the ledger: it remembers durably, per account, which messages were dealt with and how far each
// delivery got. The name is that of the POP3 command whose answers are its keys (RFC 1939, section 7).
//
// It is a contract: the interfaces, the types, the errors, and functions that compute and keep nothing. Package sqlite below it
// is the ledger of one machine; package uidltest has the suite that every implementation joins. Whoever uses a ledger knows
// this package alone; only who opens one names an implementation.
//
// A ledger decides nothing and logs nothing; it refuses to guess: one that cannot be read is an error, never an empty one. Each
// change is one transaction that survives a power cut once Commit returned nil.
package uidl

import (
	"context"
	"errors"
	"io"
	"iter"
)

// Errors that callers tell apart with errors.Is.
var (
	ErrBusy      = errors.New("it is in use")                                           // lease held elsewhere
	ErrLeaseLost = errors.New("the lease of the account is lost")                       // nothing was applied
	ErrLocked    = errors.New("ledger is locked by another process")                    // temporary; nothing was applied
	ErrFull      = errors.New("no space left for the ledger")                           // temporary; nothing was applied
	ErrDoubt     = errors.New("it is not known whether the ledger has the last change") // temporary; see Account.Commit
	ErrUnusable  = errors.New("the ledger cannot be used any more")                     // until the process is started anew
	ErrCorrupt   = errors.New("ledger is damaged")                                      // never treated as empty
	ErrForeign   = errors.New("file is not a popsync ledger")                           // other application or not a database
	ErrNewer     = errors.New("ledger was written by a newer version of popsync")       // schema above ours
	ErrNameTaken = errors.New("the ledger has an account of that name")                 // Rename; nothing was changed
)

// Ledger is the memory of all accounts. It is safe for concurrent use.
type Ledger interface {
	// Acquire takes the account's lease, and counts it, unless a note of a later lease says that the ledger is an older copy:
	// to look must not overtake that; ErrBusy if somebody holds it. Until Close, or until the lease is lost, only this Account
	// may change its rows. ErrUnusable if the ledger was given up after a doubt: then no account can be acquired any more.
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
	// InUse tells whether somebody holds the lease of an account: a pass, as a rule. It creates nothing, and is in nobody's way.
	InUse(ctx context.Context, account string) (bool, error)
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
	// Lost is closed once the lease is lost: another one took it over, or the ledger cannot vouch for it any more. From then on
	// each Commit fails with ErrLeaseLost, and nothing of it is applied; what is read may be old. Whoever is about to do what
	// cannot be taken back looks here first. nil: it cannot be lost. A lease that only a doubt or somebody's hand can end (SQLite:
	// a lock on a file) may be found lost as late as by the next Commit; one that runs out tells by itself.
	Lost() <-chan struct{}
	// Commit applies one change atomically; nil means it survives a power cut. ErrLeaseLost, ErrLocked, ErrFull: nothing
	// was applied. ErrDoubt: it was applied as a whole or not at all, and nobody knows; the lease is lost, nothing that the
	// change names may be discarded, and the next Acquire tells. Any other error is a fault of popsync's or of the ledger's:
	// take it for a doubt, and end the process.
	Commit(ctx context.Context, c Change) error
	// Reading notes which message's body is about to be read, so that who comes after a crash can be careful with it. It costs
	// next to nothing and promises little: it is not synced, and an implementation may be lazy and keep it in memory as long as
	// no holder has died. So a crash, or Close, may lose it; it never becomes that of another message. The zero Key notes that
	// none is read.
	Reading(k Key) error
	// Interrupted is the message that an earlier holder of the lease was reading when it died, until the next Reading. That ok is
	// false tells nothing: no message was being read, or the note of it was lost.
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
	// Close gives the lease back, if it is not lost. It does not say that nothing is read any more.
	Close() error
}

// Backuper is what a Ledger may do beyond that, if it is its own keeper: there is no other optional method.
type Backuper interface {
	// Backup writes the ledger to w as it is at one moment: what is written may be put in the place of it. It returns how many
	// octets there were. Nobody who commits meanwhile waits for it. An error of w ends it.
	Backup(ctx context.Context, w io.Writer) (octets int64, err error)
}
