package plan

import "time"

// heldUntil tells whether a message that only a fallback has stays on the server for now: until a time that was stored, or,
// if a wrong clock stored it, until popsync has known the message for as long.
func heldUntil(until, firstSeen, aged int64, now time.Time) bool {
	left := until - now.Unix()
	if left <= 0 {
		return false
	}
	return left <= int64(QuarantineHold/time.Second)+3600 || aged-firstSeen < int64(QuarantineHold/time.Second)
}

// QuarantineHold is how long a message that only a fallback has stays on the server: one wrong setting of a relay must
// not empty a mailbox into the quarantine before anybody has looked.
const QuarantineHold = 7 * 24 * time.Hour

// Lately is how many seconds a row counts as missing: some mailboxes are empty while they are moved.
const Lately = 30 * 24 * 3600
