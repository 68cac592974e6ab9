package fetcher

// Reasons of rows and of messages that are kept.
const (
	reasonTagged   = "known by its name in the Maildir only"
	reasonUnproven = "not deleted: nothing proves that it is the message that was delivered"
	reasonHeld     = "held back: it may have been delivered before the ledger was lost"
)
