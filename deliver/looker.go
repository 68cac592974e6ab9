package deliver

// LookSuffix is of the file beside Outgoing.Folder in which a Looker remembers what it needs to look: FOLDER.look.
const LookSuffix = ".look"

// Looker is a Sender that looks, for a message with Outgoing.Again, whether the destination has it, and sends it only if not.
//
// A look is a fact in two cases only: what was found is the message by its octets, but for changes that such servers are known to make, and
// nobody else's, nor that of another message of ours; or all that came since, from a point that was durable before the first try,
// was looked through, and it is not there. Where a look cannot be a fact, Send returns ErrInferred: the delivery is settled as one of
// which nobody knows, and the message stays where it was fetched. What broke the conversation is an error like any other, and the look is
// repeated.
type Looker interface {
	// Hold says, before the first Send, whether earlier processes may have left something in doubt at this destination. If not, what was
	// remembered in order to look for it may go. Without a call, they may.
	Hold(doubts bool)
}

// Reminded is a Target that is told which of the copies that earlier processes left were tried: nothing beside them tells.
type Reminded interface {
	// Remind is called after Identify and before anything is published. tried are the tickets of which a Publish may have brought
	// something there; no other ticket of an earlier process was tried, as far as the ledger says. more tells that so may have been
	// messages of which no copy is left.
	Remind(tried []Ticket, more bool)
}
