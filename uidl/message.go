package uidl

// Key names a message of one account.
type Key struct {
	UID string // bytes as the server gave them, at most MaxUID
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
