package plan

import "time"

import "github.com/popsync/popsync/fetcher/facts"

// heldUntil tells whether a message that only a fallback has stays on the server for now: until a time that was stored, or,
// if a wrong clock stored it, until popsync has known the message for as long.
func heldUntil(until, firstSeen, aged int64, now time.Time) bool {
	left := until - now.Unix()
	if left <= 0 {
		return false
	}
	return left <= int64(facts.QuarantineHold/time.Second)+3600 || aged-firstSeen < int64(facts.QuarantineHold/time.Second)
}

// Lately is how many seconds a row counts as missing: some mailboxes are empty while they are moved.
const Lately = 30 * 24 * 3600
