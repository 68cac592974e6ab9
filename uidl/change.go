package uidl

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

// Mark changes the state of a known row and leaves the rest of it. Size 0 leaves the size too. State 0 changes the size alone:
// for whoever knows nothing of what else stands there by now.
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

// Facts are what an outcome adds to the facts of a message, with the place of the destination.
func (o Outcome) Facts(place Places) (have, waived Places) {
	switch o {
	case Had:
		return place, 0
	case Inferred:
		return place | Unsure, 0
	case Waive:
		return 0, place
	}
	return 0, 0
}
