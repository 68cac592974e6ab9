//go:build linux && (amd64 || arm64)

package acceptance_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/popsync/popsync/internal/crash"
	"github.com/popsync/popsync/internal/overlay"
)

// control is a build that breaks the protocol in one way, and the scenario that must report it.
type control struct {
	name     string   // see internal/overlay
	suite    string   // test and scenario
	lost     bool     // what it must report: lost, else twice
	only     []string // steps whose calls are points; nil: all
	everyNth int      // point; 0: every one
}

var controls = []control{
	{name: "no-publishing-rows", suite: "TestCrash/delete", everyNth: 5},
	{name: "late-state", suite: "TestCrash/keep", everyNth: 5},
	{name: "deferred-discard", suite: "TestCrashLedgerSync/never, and killed", lost: true},
	{name: "early-discard", suite: "TestCrash/recovery, of damaged bytes", lost: true, only: []string{stepRecovery, stepDiscard}},
	{name: "charge-window", suite: "TestCrash/third kill in a row", lost: true, everyNth: 5},
}

// A sweep that finds nothing proves something only if it finds what is broken on purpose.
func TestCrashControls(t *testing.T) {
	if !everyPoint() {
		t.Skip("NOT TESTED here: make test-crash does it, and CI has a step for that")
	}
	for _, c := range append([]control{{name: overlay.None, suite: "TestCrash/delete", everyNth: 29}}, controls...) {
		t.Run(c.name, func(t *testing.T) {
			sc := scenario(t, c.suite)
			sc.control, sc.stride, sc.must = c.name, c.everyNth, nil
			if c.only != nil {
				sc.counts = func(_ crash.Call, step string) bool { return slices.Contains(c.only, step) }
			}
			y := sc.sweep(t)
			if c.name == overlay.None { // the build with all controls off is as good as any
				report(t, y)
				return
			}
			t.Log(y.row(c.name + ": " + c.suite))
			if c.lost && y.lost == 0 || !c.lost && y.twice == 0 {
				t.Errorf("%s did not notice the control %s: %d lost, %d twice\n%s", c.suite, c.name, y.lost, y.twice,
					strings.Join(y.trouble, "\n"))
			}
		})
	}
}

// scenario finds one by the name of its test.
func scenario(t *testing.T, suite string) crashScenario {
	t.Helper()
	test, name, _ := strings.Cut(suite, "/")
	all := map[string][]crashScenario{"TestCrash": crashScenarios(), "TestCrashLedgerSync": ledgerScenarios()}[test]
	i := slices.IndexFunc(all, func(sc crashScenario) bool { return sc.name == name })
	if i < 0 {
		t.Fatalf("there is no scenario %s", suite)
	}
	return all[i]
}
