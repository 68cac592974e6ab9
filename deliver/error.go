package deliver

import (
	"errors"
	"time"
)

// ErrDamaged means that staged bytes are there but are not what their ticket says. Nothing was removed: the ledger
// must first forget the ticket, then it may be discarded.
var ErrDamaged = errors.New("staged bytes are damaged")

// ErrUnknown means that a ticket's bytes are nowhere to be found, and nothing shows that they were published.
var ErrUnknown = errors.New("no trace of the staged message")

// ErrInferred means that a ticket's bytes are nowhere to be found, and that they must have been published all the same:
// they were gone too soon for anything else, or what came after them is there. Of a Sender that is a Looker it means that a message was
// tried, and that nothing can tell whether it is there.
var ErrInferred = errors.New("taken for published: no trace of the message is left")

// ErrUntried means of one of several tickets that nothing of it is at the destination by this Publish, and that nothing is known to be
// wrong with it: others stood in its way, or it may have been sent before, was looked for, and is not there. It is staged as before. A
// ticket that is published alone is never ErrUntried.
var ErrUntried = errors.New("not sent yet")

// Scope tells what an Error is about.
type Scope int

const (
	// ThisMessage: the destination could not take this one; others may go on.
	ThisMessage Scope = iota
	// WholeTarget: the destination can take nothing at the moment.
	WholeTarget
)

// Error is a fact about a destination. What follows from it is judged elsewhere.
type Error struct {
	Op        string // what was tried, for people only: "create", "sync", "publish"
	Place     string // path or address; never a secret
	Scope     Scope
	Permanent bool          // trying again without a change is pointless
	Uncertain bool          // the destination may have taken the message all the same
	Untouched bool          // of Publish, not of a remote destination: it is certain that nothing was published, and the ticket is good as before
	Full      bool          // out of space, inodes or quota
	Login     bool          // remote: it refused our login; Permanent: and will again, as long as nobody changes anything
	Local     bool          // remote: nothing of the message was sent, because our own copy of it cannot be read
	Envelope  bool          // remote: refused before the content was sent; whose fault that is, the message alone does not tell
	Vouched   bool          // with Envelope: the same recipients were accepted for another message within the last hour
	Rest      string        // some recipients have it: what Send needs to serve the others; from Publish, the Ticket to use from now on
	Wait      time.Duration // with WholeTarget: the destination asked for so much patience; 0: it did not
	Hint      string        // next step for a person; may be empty
	Err       error         // cause; may be nil
}

func (e *Error) Error() string {
	s := e.Op
	if e.Place != "" {
		s += " " + e.Place
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }
