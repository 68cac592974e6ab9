package facts

import "github.com/popsync/popsync/uidl"

// OpenState is what is open of a message (settle.OpenMessage) as a session's plan sees it: as of the session's beginning.
type OpenState struct {
	uidl.Facts
	N     int             // deliveries that are not settled
	Busy  uidl.Places     // a copy of ours is on its way there, or a failure has to wait
	Owed  []uidl.Delivery // rows of what is to be fetched again and due
	Late  []uidl.Delivery // and of what is not due yet
	Owing uidl.Places     // the destinations of both
	None  bool            // no copy of ours is left of any that is open
}

// Copies tells whether a copy of ours is on its way of a message that no place has yet.
func (s *OpenState) Copies() bool { return s != nil && !s.None }

// Need are the destinations that a message must be fetched for.
func (s *OpenState) Need(lacks uidl.Places) uidl.Places {
	if s == nil {
		return lacks
	}
	return lacks &^ s.Busy
}
