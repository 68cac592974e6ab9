//go:build control

package fetcher

import "os"

// A build with the tag control obeys POPSYNC_CONTROL, the name of one control.
var (
	chosen          = os.Getenv("POPSYNC_CONTROL")
	omitPublishing  = chosen == "no-publishing-rows"
	deferredDiscard = chosen == "deferred-discard"
	earlyDiscard    = chosen == "early-discard"
	chargeWindow    = chosen == "charge-window"
)
