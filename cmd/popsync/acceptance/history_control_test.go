//go:build linux && (amd64 || arm64)

package acceptance_test

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// TestAcceptHistoryControl tells the oracle of outcomes: it must complain of the bad ones, and of no other. Places 1 and 2
// are Maildirs, 3 is remote, 4 a fallback; messages 1 and 2 are new, and remote destinations refuse message 2.
func TestAcceptHistoryControl(t *testing.T) {
	required := []int{1, 3}
	fetched := func(o *histOracle) {
		o.retr(1, required, "tag")
		o.stored(1, 1)
		o.stored(3, 1)
	}
	forgotten := func(o *histOracle) {
		fetched(o)
		o.forgotten(map[int]string{1: "tag"})
	}
	for _, c := range []struct {
		name string
		do   func(o *histOracle)
		want string // kinds of complaints
	}{
		{"delivered, then deleted", func(o *histOracle) {
			fetched(o)
			o.dele(1, required, required, -1)
			o.left(1, "popsync")
			o.end(1, required)
		}, ""},
		{"lost", func(o *histOracle) { o.left(1, "popsync") }, "LOST"},
		{"taken by somebody else", func(o *histOracle) { o.left(1, "somebody else"); o.end(1, required) }, ""},
		{"deleted before it is anywhere", func(o *histOracle) { o.retr(1, required, "tag"); o.dele(1, []int{1}, []int{1}, -1) }, "EARLY"},
		{"deleted before all have it", func(o *histOracle) { o.retr(1, required, "tag"); o.stored(1, 1); o.dele(1, required, required, -1) }, "EARLY"},
		{"deleted while a later destination lacks it", func(o *histOracle) { fetched(o); o.dele(1, []int{1, 2, 3}, []int{1, 2, 3}, -1) }, "EARLY"},
		{"deleted while only a former destination has it", func(o *histOracle) { fetched(o); o.dele(1, nil, []int{2}, -1) }, "EARLY"},
		{"quarantined, then deleted", func(o *histOracle) { o.stored(1, 2); o.stored(4, 2); o.dele(2, required, []int{1, 3, 4}, 4) }, ""},
		{"quarantined, then deleted too early", func(o *histOracle) { o.stored(1, 2); o.stored(4, 2); o.dele(2, required, []int{1, 3, 4}, -1) }, "EARLY"},
		{"the fallback has what was not refused", func(o *histOracle) { o.stored(1, 1); o.stored(4, 1); o.dele(1, required, []int{1, 3, 4}, 4) }, "EARLY"},
		{"twice in a Maildir", func(o *histOracle) { fetched(o); o.stored(1, 1) }, "TWICE"},
		{"twice in a Maildir after a kill", func(o *histOracle) { o.doubts++; fetched(o); o.stored(1, 1) }, "TWICE"},
		{"twice, although a reader took the first", func(o *histOracle) { fetched(o); o.took[histAt{1, 1}] = true; o.stored(1, 1) }, "TWICE"},
		{"twice in two Maildirs", func(o *histOracle) { fetched(o); o.stored(2, 1) }, ""},
		{"twice at a remote destination", func(o *histOracle) { fetched(o); o.stored(3, 1) }, "TWICE"},
		{"twice at a remote destination after a kill", func(o *histOracle) { o.doubts++; fetched(o); o.stored(3, 1) }, ""},
		{"three times after a kill", func(o *histOracle) { o.doubts++; fetched(o); o.stored(3, 1); o.stored(3, 1) }, "TWICE"},
		{"twice in a copy", func(o *histOracle) { fetched(o); o.copied(1, 2); o.stored(2, 1) }, "TWICE"},
		{"twice after the ledger was lost", func(o *histOracle) { forgotten(o); o.stored(1, 1) }, "TWICE-LOST"},
		{"sent again after the ledger was lost", func(o *histOracle) { forgotten(o); o.stored(3, 1) }, "TWICE-LOST"},
		{"let through after the ledger was lost", func(o *histOracle) {
			forgotten(o)
			o.accepted = true
			o.took[histAt{1, 1}] = true
			o.stored(1, 1)
			o.stored(3, 1)
		}, ""},
		{"let through although it is there", func(o *histOracle) { forgotten(o); o.accepted = true; o.stored(1, 1) }, "TWICE-ACCEPTED"},
		{"let through, and refused again", func(o *histOracle) {
			o.stored(4, 2)
			o.forgotten(map[int]string{2: "tag"})
			o.accepted = true
			o.stored(4, 2)
		}, ""},
		{"let through, and not refused", func(o *histOracle) {
			o.stored(4, 1)
			o.forgotten(map[int]string{1: "tag"})
			o.accepted = true
			o.stored(4, 1)
		}, "TWICE-ACCEPTED"},
		{"let through after its unique-id changed", func(o *histOracle) { fetched(o); o.forgotten(nil); o.accepted = true; o.stored(1, 1) }, ""},
		{"not held back after its unique-id changed", func(o *histOracle) { fetched(o); o.forgotten(nil); o.stored(1, 1) }, "TWICE-LOST"},
		{"never fetched", func(o *histOracle) { o.end(1, required) }, "MISSING"},
		{"never fetched, but marked", func(o *histOracle) { o.fates[1].marked = true; o.end(1, required) }, ""},
		{"fetched, and nowhere", func(o *histOracle) { o.retr(1, required, "tag"); o.end(1, required) }, "MISSING"},
		{"fetched, and a cleaner took it", func(o *histOracle) { o.retr(1, []int{1}, "tag"); o.swept[histAt{1, 1}] = true; o.end(1, []int{1}) }, ""},
		{"a cleaner took it, and a later destination does not get it", func(o *histOracle) {
			o.retr(1, []int{1}, "tag")
			o.swept[histAt{1, 1}] = true
			o.end(1, []int{1, 2})
		}, ""},
		{"one destination never gets it", func(o *histOracle) { o.retr(1, required, "tag"); o.stored(1, 1); o.end(1, required) }, "MISSING"},
		{"one destination refuses it", func(o *histOracle) { o.retr(2, required, "tag"); o.stored(1, 2); o.end(2, required) }, ""},
		{"a later destination does not get it", func(o *histOracle) { fetched(o); o.end(1, []int{1, 2, 3}) }, ""},
		{"a destination that came back does not get it", func(o *histOracle) {
			o.retr(1, required, "tag")
			o.stored(1, 1)
			o.config(1, []int{1})
			o.end(1, required)
		}, ""},
		{"the only destination was replaced", func(o *histOracle) { o.retr(1, required, "tag"); o.config(1, []int{2}); o.end(1, []int{2}) }, "MISSING"},
	} {
		o := newHistOracle()
		o.remote[3], o.stands[4] = true, true
		o.offered(1, false)
		o.offered(2, true)
		c.do(o)
		var kinds []string
		for _, c := range o.complaints {
			kinds = append(kinds, c.kind)
		}
		if got := strings.Join(kinds, " "); got != c.want {
			t.Errorf("%s: complaints %q, want %q", c.name, got, c.want)
		}
	}
}

// Half of a message is none.
func TestAcceptHistoryWhole(t *testing.T) {
	whole := "From: a\n\nX-Id: 000012\nwords\n.\nX-End: 000012\n"
	for text, want := range map[string]int{whole: 12, strings.ReplaceAll(whole, "\n", "\r\n"): 12, whole[:len(whole)-3]: 0, whole[12:]: 0,
		whole + "more\n": 0, strings.Replace(whole, "X-End: 000012", "X-End: 000013", 1): 0, "": 0} {
		if got := histNumber([]byte(text)); got != want {
			t.Errorf("message %d in %q, want %d", got, text, want)
		}
	}
}

// Programs that conclude of the wire what earlier versions did must be noticed by the histories, and not by how popsync ends.
func TestAcceptHistoryWireControls(t *testing.T) {
	if os.Getenv("POPSYNC_LARGE") == "" {
		t.Skip("NOT TESTED here: CI does it")
	}
	for _, name := range []string{"conclude-first", "old-guard", "believe-short"} { // without beacons all is asked once more, and nothing goes wrong
		t.Run(name, func(t *testing.T) {
			for seed := uint64(1); seed <= 100; seed++ {
				w := newHistWorld(t, seed)
				w.bin = program(t, name)
				w.play()
				for _, c := range w.oracle.complaints {
					if slices.Contains([]string{"CUT", "MIXED", "LOST", "EARLY", "TWICE", "MISSING"}, c.kind) {
						t.Logf("noticed in history %d: %v", seed, c)
						return
					}
				}
			}
			t.Error("100 histories did not notice it")
		})
	}
}
