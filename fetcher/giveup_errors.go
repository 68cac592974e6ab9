package fetcher

import (
	"fmt"

	"github.com/popsync/popsync/internal/foreign"
	"github.com/popsync/popsync/uidl"
)

// LastCopy is a message that might be lost if it were given up.
type LastCopy struct {
	uidl.Key
	Unknown string // why it is not known whether the server lists it; "": it does not
	Copy    bool   // a copy of it waits here
}

// LastCopyError refuses to give messages up.
type LastCopyError struct{ All []LastCopy }

func (e *LastCopyError) Error() string {
	return fmt.Sprintf("the server is not known to list %d of the messages", len(e.All))
}

// HalfWayError refuses to give a message up that a destination may have by now.
type HalfWayError struct {
	uidl.Key
	Destination string
}

func (e *HalfWayError) Error() string {
	return fmt.Sprintf("the delivery of message %s to %s was interrupted: it may be there already", foreign.Word(e.UID), e.Destination)
}

// NoCopyError tells that there is nothing to save.
type NoCopyError struct{ uidl.Key }

func (e *NoCopyError) Error() string {
	return fmt.Sprintf("no whole copy of message %s is left here, so there is nothing to save", foreign.Word(e.UID))
}

// NotListedError tells that a message cannot be fetched again.
type NotListedError struct {
	uidl.Key
	Unknown string // why it is not known whether the server lists it again; "": it does not
	Saved   string // where its copy was saved; "": not known
}

func (e *NotListedError) Error() string {
	return fmt.Sprintf("the server does not list message %s any more, so it cannot be fetched again", foreign.Word(e.UID))
}
