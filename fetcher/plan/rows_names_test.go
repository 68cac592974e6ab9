package plan

import (
	"fmt"
	"strings"
	"testing"

	"github.com/popsync/popsync/uidl"
)

// Names that stand for headers are kept in less, and come out as they went in; so does what only looks like one.
func TestNamesArePacked(t *testing.T) {
	r := &Rows{}
	uids := []string{"", "plain", HeaderName, HeaderName + strings.Repeat("0", 31) + "g", HeaderName + strings.Repeat("0A", 16),
		HeaderName + strings.Repeat("0a", 16), HeaderName + strings.Repeat("0a", 16), HeaderName + strings.Repeat("0a", 17), ContentName + strings.Repeat("0a", 32)}
	for i, uid := range uids {
		r.Add(uidl.Row{Key: uidl.Key{UID: uid, Dup: i}, Attempts: i})
	}
	for i, uid := range uids {
		if got := r.Row(i); got.UID != uid || string(r.UID(i)) != uid || got.Attempts != i || r.compare(i, got.Key) != 0 {
			t.Errorf("%q: %+v", uid, got)
		}
		for j := range uids {
			if r.SameUID(i, j) != (uid == uids[j]) {
				t.Errorf("%q and %q", uid, uids[j])
			}
		}
	}
	before := r.Memory()
	for i := range 100_000 {
		r.Add(uidl.Row{Key: uidl.Key{UID: fmt.Sprintf("%s%032x", HeaderName, i)}})
	}
	if grown := (r.Memory() - before) / 100_000; grown > 32+16+5 {
		t.Errorf("%d octets for a row", grown)
	}
	k := uidl.Key{UID: fmt.Sprintf("%s%032x", HeaderName, 7)}
	if n := testing.AllocsPerRun(100, func() { r.compare(9, k) }); n != 0 {
		t.Errorf("comparing allocates %v times", n)
	}
}
