//go:build !control

package fetcher

// The controls break the delivery protocol on purpose, one at a time, in a build that shows that the crash sweep
// notices (docs/reliability.md). Here they are constants, so that the compiler leaves nothing of them in the program.
const (
	omitPublishing  = false // rows 'publishing' are not committed before Publish, but with what came of it
	deferredDiscard = false // staged bytes are discarded when the commit that names them fails
	earlyDiscard    = false // recovery removes damaged bytes before the row is committed without them
	chargeWindow    = false // an attempt is charged to every message that is asked for
)

// These put back what was once concluded instead of written down: the random histories must notice each (TestChaosControls).
const (
	anyPlace        = false // delivered anywhere counts for everything that is configured
	adoptDelivers   = false // what a person releases is delivered by that
	inferredIsSeen  = false // a message without trace that must have been published counts as seen
	staysPublishing = false // what is certainly not published stays 'publishing', and counts as published once it is gone
	machineClock    = false // ages count up to the machine's clock
	weakHeaders     = false // a header that other messages may have too is enough to know a message by
	nameIsPlace     = false // a Maildir is what has its destination's name
	noNotes         = false // no ledger is ever old, or lost
	rebuildFetches  = false // what a lost ledger's rebuilding does not find is new
	staleFacts      = false // a row that is written again brings back the facts that it was read with
	oldGuard        = false // a wrong size says nothing before ten were right, and nothing else does
	concludeFirst   = false // an answer counts before it is proven to belong to its message
	blindBeacons    = false // nothing is asked in between
	believeShort    = false // what ends with a dot is whole
)
