//go:build control

package fetcher

import "os"

// A build with the tag control obeys POPSYNC_CONTROL, the name of one control.
var (
	omitPublishing, deferredDiscard, earlyDiscard, chargeWindow bool

	anyPlace, adoptDelivers, inferredIsSeen, staysPublishing, machineClock bool
	weakHeaders, nameIsPlace, noNotes, rebuildFetches, staleFacts          bool

	concludeFirst, oldGuard, blindBeacons, believeShort bool
)

// The controls by name; see control.go.
var (
	crashControls = map[string]*bool{
		"no-publishing-rows": &omitPublishing, "deferred-discard": &deferredDiscard,
		"early-discard": &earlyDiscard, "charge-window": &chargeWindow,
	}
	chaosControls = map[string]*bool{
		"any-place": &anyPlace, "adopt-delivers": &adoptDelivers, "inferred-is-seen": &inferredIsSeen,
		"certain-stays-publishing": &staysPublishing, "clock": &machineClock, "weak-headers": &weakHeaders,
		"name-is-place": &nameIsPlace, "no-notes": &noNotes, "rebuild-fetches": &rebuildFetches, "stale-put": &staleFacts,
		"conclude-first": &concludeFirst, "old-guard": &oldGuard, "blind-beacons": &blindBeacons, "believe-short": &believeShort,
	}
)

func init() { choose(os.Getenv("POPSYNC_CONTROL")) }

// choose turns on the control of that name and no other.
func choose(name string) {
	for _, all := range []map[string]*bool{crashControls, chaosControls} {
		for n, on := range all {
			*on = n == name
		}
	}
}
