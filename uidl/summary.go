package uidl

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
