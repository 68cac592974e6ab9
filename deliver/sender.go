package deliver

import (
	"context"
	"io"
	"time"
)

// Sender is all that a remote destination implements; package spool turns it into a Target. It keeps connections open between
// messages. Send may run at once on as many goroutines as Lanes says; nothing else runs at the same time as Close.
// One that can be looked at is a Checker, too: see Abilities.
type Sender interface {
	// Send transfers one message; nil means that the destination has taken responsibility for it, for every recipient
	// (RFC 5321, section 6.1). The errors are or wrap *Error, or are the context's when nothing was transferred.
	//
	// What a Sender cannot know, it says: Uncertain when the end of the message was sent and no answer came;
	// Envelope when the refusal came before the content was; Rest when some recipients have the message and others do
	// not. What is not sure to be permanent is temporary. A Looker may return an error that is ErrInferred and no *Error.
	Send(ctx context.Context, m Outgoing) error
	// Place is the address or the program, for people and for errors; never a secret.
	Place() string
	// Lanes is how many Sends may run at once, at least 1.
	Lanes() int
	// Close ends all connections.
	Close() error
}

// Outgoing is a message on its way to a Sender.
type Outgoing struct {
	Message
	ID     string        // delivery id: the same on every try of this message at this destination; [a-z0-9]{1,64}
	Body   io.ReadSeeker // as received, from its start: lines end in CRLF, but bare CR, bare LF and NUL may occur
	Octets int64         // length of Body
	Folder string        // where a copy may stand while Send runs: what a kill leaves there is swept; "": nowhere in particular
	Staged time.Time     // when its copy was written, which is the same on every try; zero: not known
	Again  bool          // an earlier try may have ended in doubt: a destination that can search looks first
	Rest   string        // Error.Rest of an earlier try: only the recipients that it names still need the message; "": all

	// Next is the message that the caller wants to send after this one, with no Next of its own; nil: not known. A Sender
	// may ignore it, or make ready for it, as far as the destination delivers nothing of it if no Send for it follows.
	// Whatever is wrong with it is no error of this message. Its Body is good only during this Send.
	Next *Outgoing
}
