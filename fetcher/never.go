package fetcher

import "math"

// never, as NextTry of a delivered row, keeps a message from being deleted by whatever policy. popsync did not deliver
// it, or cannot prove that it did: a person said that it was seen (see Baseline), or only a name tag in a Maildir did
// (see rebuild). What popsync did not deliver it does not delete.
const never = math.MaxInt64

// Reasons of rows and of messages that are kept.
const (
	reasonSeen     = "marked as seen, never fetched"
	reasonTagged   = "known by its name in the Maildir only"
	reasonUnproven = "not deleted: nothing proves that it is the message that was delivered"
)
