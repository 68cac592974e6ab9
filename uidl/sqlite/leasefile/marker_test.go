package leasefile

import (
	"bytes"
	"strings"
	"testing"

	"github.com/popsync/popsync/uidl"
)

func TestMarkerTorn(t *testing.T) {
	k := uidl.Key{UID: strings.Repeat("\x00long", 100), Dup: 7}
	whole := appendMarker(nil, k)
	if got := parseMarker(append(bytes.Clone(whole), "stale"...)); got != k {
		t.Errorf("followed by a stale rest: %+v", got)
	}
	short := appendMarker(nil, uidl.Key{UID: "s"})
	for n := range len(short) { // a short record torn over a long one
		mixed := append(bytes.Clone(short[:n]), whole[n:]...)
		if got := parseMarker(mixed); got != (uidl.Key{}) && got != k {
			t.Errorf("torn after %d: %+v", n, got)
		}
	}
	for n := range len(whole) {
		if got := parseMarker(whole[:n]); got != (uidl.Key{}) {
			t.Errorf("cut after %d: %+v", n, got)
		}
		bad := bytes.Clone(whole)
		bad[n] ^= 0x10
		if got := parseMarker(bad); got != (uidl.Key{}) {
			t.Errorf("bit flipped at %d: %+v", n, got)
		}
	}
}

func TestMarkerDoesNotAllocate(t *testing.T) {
	l := mustTake(t, leases(t), "work")
	k := uidl.Key{UID: strings.Repeat("u", 70)}
	if n := testing.AllocsPerRun(100, func() {
		if err := l.Reading(k); err != nil {
			t.Fatal(err)
		}
	}); n > 1 {
		t.Errorf("%v allocations for a note", n)
	}
}
