package plan

import "github.com/popsync/popsync/uidl"

// Entry is a listed message with its ledger key.
type Entry struct {
	Num  int
	Size int64
	Key  uidl.Key
}

// FetchStep is a message to retrieve.
type FetchStep struct {
	Entry
	Row      *uidl.Row // of those in the ledger; else noRow
	Reason   Why
	Compare  bool // a delivered message may stand behind this UID: compare SHA-256 before publishing
	Owed     bool // only for the destinations that lack it
	Moved    bool // it may be one that was delivered under another unique-id: compare SHA-256 with all of those
	Nameless bool // no unique-id: it is named by its content once it is read
	adopted  bool // it turned out to be known
	Shared   bool // its row's unique-id ever belonged to several messages
}

// Returned tells of a message that failed too often, and left the listing, that it is listed again: what failed under its
// unique-id may have been another one, and this one may be known under another unique-id.
func (f *FetchStep) Returned() bool {
	return f.Row.State == uidl.Parked && f.Row.GoneAt != 0 && !f.Owed
}

// displaced tells of a row of what was never delivered, too large or failed too often, that another message may have its key now: others
// had the unique-id, and one may have moved up, or it was given away.
func (f *FetchStep) displaced() bool {
	return (f.Row.State == uidl.Skipped || f.Row.State == uidl.Parked) && (f.Shared || f.Size != f.Row.Size && f.Size != 0 && f.Row.Size != 0)
}

// NoRow is the row of messages that the ledger has none of; nobody writes to it. A row of its own in each step would
// take 200 octets for every message of a first import.
var NoRow = new(uidl.Row)

// SkippedRow is the row of messages that policy leaves on the server, and that the ledger has as such with the size that is listed.
var SkippedRow = &uidl.Row{State: uidl.Skipped}

// OwnRow is a row of a message's own.
func OwnRow(row uidl.Row) *uidl.Row { return &row }

// KnownStep is a listed message that the ledger has as delivered.
type KnownStep struct {
	Entry
	Row    uidl.Row
	Reason string
	Copies int32 // listed messages with this UID
	Shared bool  // the UID ever belonged to several messages
	Then   fate

	Watched bool // it was delivered with another length than listed: whatever policy says, it stays until it was read again

	at, row int32 // indices in the listing and in the rows
}

// fate is what is to become of a delivered message.
type fate uint8

// vain tells whether a message was read before and found too large: see skipLong.
func (f *FetchStep) vain() bool { return f.Row.State == uidl.Skipped && f.Row.NextTry > 0 }

// RowOrNew is the message's row, or a new one with what the listing told.
func (f *FetchStep) RowOrNew() uidl.Row {
	row := *f.Row
	row.Key, row.Size = f.Key, f.Size
	return row
}

// AskedAgain tells of a row that its message was delivered, and is to be fetched again because a person asked for it.
func AskedAgain(r *uidl.Row) bool { return r.Have == 0 && r.Generation == uidl.BeforeAll }

// The fates of a delivered message.
const (
	Stay   fate = iota // nothing: it is kept
	Ask                // it may be another one: see recognise
	Remove             // policy wants it deleted
)
