// Package deliver is the contract of all destinations, which take complete messages in two phases: stage privately and durably,
// then publish. A destination on this machine is a Target (deliver/maildir); one elsewhere, or which may be locked, is a Sender (deliver/smtp,
// deliver/imap, deliver/mbox, deliver/command), which deliver/spool makes a Target. The suite in deliver/delivertest holds them to it.
//
// A destination never decides what is delivered, retries nothing and logs nothing. What may be removed from a server follows
// from the ledger, not from here. Everything a caller, which is a pass of fetcher, needs to know about crashes stands on the
// interface Target.
package deliver

import (
	"context"
	"io"
)

// Message says which message a Staging is for. It names and recognises; it never decides where bytes go.
type Message struct {
	Account string // name of the account, as configured
	Token   string // what the account is called in name tags, whatever its name: Note.Token; "": its name
	UID     string // unique-id as the server gave it (RFC 1939, section 7), any bytes
	Dup     int    // how many-th message with this UID in the listing; 0 for the first
	Size    int64  // octets as LIST gave them: a hint, never trusted; 0 when unknown
	Again   bool   // an earlier copy of it may have reached the destination, and is gone: see Outgoing.Again
}

// Ticket names staged bytes. Opaque to all but its target; printable ASCII, at most 1 KiB; stored in the ledger.
type Ticket string

// MaxTicket is the longest a Ticket may be, in octets.
const MaxTicket = 1024

// Target is one destination of one account. A Target is used by one pass at a time; two Targets may share a place.
//
// Create, the Staging it gave and Ticket may run on one goroutine while Prepare, Publish and Discard of earlier tickets
// run on others. No method is called twice at once, but Publish as often as Lanes says, each time with other tickets,
// and Discard. All errors are or wrap *Error, or are the context's. What a Target can do besides: see Abilities.
type Target interface {
	// Recognise tells which place is at hand, without making, writing or keeping open anything: an identity for SamePlace,
	// or "" when nothing tells yet. Errors are those of a place that cannot be looked at.
	Recognise(ctx context.Context) (identity string, err error)
	// Identify compares the place with what the ledger remembers of it ("" when it never met it) and returns what to
	// remember from now on. It must succeed before anything else but Recognise is called. A place that should be known and
	// is not there, or is another one, is a WholeTarget error; only a place never met may be created. A known one may have
	// moved (SamePlace).
	Identify(ctx context.Context, remembered string) (identity string, err error)
	// Create opens a private place for one message. Nothing is visible at the destination.
	Create(ctx context.Context, m Message) (Staging, error)
	// Prepare returns nil only once all tickets would survive a power cut. One barrier per call. After an error none
	// of the tickets may be published, and a sync is never tried again on the same bytes.
	Prepare(ctx context.Context, tickets []Ticket) error
	// Publish makes tickets visible in order, at most Batch of them, or as many as Batched allows; nil means durable there.
	// Idempotent, and the only way to settle a ticket after a crash: then it is called with all tickets that were 'publishing',
	// in their order. It never removes bytes that are not at the destination. The result has one entry per ticket: nil,
	// ErrDamaged (stored bytes are not what the ticket says), ErrUnknown (no trace of it), ErrInferred (no trace of it, and
	// it must have been published), ErrUntried (of a Batched one), or *Error. While a ticket is not settled, a Target may hold
	// later ones back, with an *Error about ThisMessage, until a later call. Error.Untouched says of a ticket that it is staged
	// as before.
	Publish(ctx context.Context, tickets []Ticket) []error
	// Discard removes the staged bytes of tickets that the ledger does not hold: given up, or settled at a remote
	// destination, which keeps its copy until then. A ticket without bytes is no error.
	Discard(tickets []Ticket) error
	// Remote tells whether each Publish is a transaction elsewhere: what is staged waits here until then, and can be staged
	// also while nothing can be published. A crash in the midst of one leaves it in doubt. It never changes.
	Remote() bool
	// Batch is how many tickets one Publish may take: 1 of a remote destination, unless it is Batched, more of any other.
	Batch() int
	// Lanes is how many calls of Publish may run at once, at least 1. A crash leaves at most so many in doubt, or so many
	// batches.
	Lanes() int
	// Free is how many octets can still be staged, or a negative number when that is not known.
	Free(ctx context.Context) (int64, error)
	// Close frees what the Target holds. It publishes and discards nothing.
	Close() error
}

// Staging takes one message with CRLF line ends. Exactly one of Ticket or Abort ends it; Abort after Ticket does nothing.
type Staging interface {
	io.Writer
	// Ticket closes the place and names it. The bytes are not yet durable; that is Prepare's work. After an error
	// nothing is left behind.
	Ticket() (Ticket, error)
	// Abort removes what was written.
	Abort()
}
