package fetcher

import (
	"strings"
	"testing"

	"github.com/popsync/popsync/fetcher/plan"
)

// FuzzWire looks for replies that go wrong in a way that is taken for right: single ones of a valid conversation are left out,
// sent twice, swapped, merged, cut, and each message must come once all the same. See badWire.
func FuzzWire(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		d := &dice{data}
		c := &wireCase{box: wireBox(2+d.n(12), d.one(2)), learned: d.one(2), hides: d.one(6), ignore: d.one(6)}
		c.options.NoPipelining, c.options.NoTOP, c.options.HideRetr = d.one(3), d.one(3), c.hides
		if d.one(2) {
			c.policy.Delete = plan.DeleteAfterDelivery
		}
		c.bad.faults, c.bad.at = map[int]wireFault{}, d.n(256)
		faults := 1 + d.n(4)
		if c.options.NoTOP || c.ignore { // two at one place can make a reply of another message look right, of which only the header, or the size, would tell
			faults = 1
		}
		for range faults {
			switch kind := wireFault(d.n(int(wireFaults))); {
			case kind == refusedOnce && c.hides: // what is refused was not retrieved
			case (kind == cutClean || kind == unstuffed) && c.ignore: // only a size tells
			default:
				c.bad.faults[3*d.n(17)] = kind // two that follow each other can look right together
			}
		}
		if problems := c.play(t); len(problems) > 0 {
			t.Fatalf("%v: %s", c.bad.hit, strings.Join(problems, "; "))
		}
	})
}
