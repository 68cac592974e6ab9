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
