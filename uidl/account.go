package uidl

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
