package plan

// Reasons of rows and of messages that are kept.
const (
	ReasonTagged   = "known by its name in the Maildir only"
	ReasonUnproven = "not deleted: nothing proves that it is the message that was delivered"
	ReasonShort    = "came shorter than it was listed; it is read again before it counts as whole"
	reasonStump    = "not deleted yet: it came shorter than it was listed, and is looked at once more on another day"
	ReasonAgain    = "asked for again"
	ReasonHeld     = "held back: it may have been delivered before the ledger was lost"
)

// Reasons that appear in reports, steps and ledger rows.
const (
	reasonNew       = "new"
	reasonRetry     = "failed before"
	reasonParked    = "parked, due for a retry"
	reasonOwed      = "a destination lacks it"
	ReasonTooLarge  = "larger than max_size"
	ReasonNoUID     = "server gives it no unique-id"
	ReasonNoSpace   = "not enough free space"
	ReasonSize      = "known unique-id, other size"
	reasonReturned  = "known unique-id that was gone"
	reasonElsewhere = "known unique-id, in another mailbox"
	ReasonUndeleted = "deleted before, still listed"
	reasonDue       = "delivered, due by policy"
	ReasonDuplicate = "unique-id is shared by several messages"
	ReasonNotSame   = "another message under a known unique-id"
	ReasonLimit     = "limit reached"
	ReasonFirst     = "there before the first run: first_fetch leaves it out"
)
