package leasefile

import (
	"bytes"
	"strings"
	"testing"

	"github.com/popsync/popsync/uidl"
)

func FuzzNote(f *testing.F) {
	f.Add(appendNote(nil, uidl.Note{Token: "0123456789abcdef0123456789abcdef", Epoch: 7}))
	f.Fuzz(func(t *testing.T, b []byte) {
		n := parseNote(b)
		if n == (uidl.Note{}) {
			return
		}
		if n.Epoch < 1 || len(n.Token) < 1 || len(n.Token) > tokenMax {
			t.Errorf("%+v", n)
		}
		if again := appendNote(nil, n); !bytes.HasPrefix(b, again) || len(again) > noteMax {
			t.Errorf("%x became %+v and %x", b, n, again)
		}
	})
}

func FuzzMarker(f *testing.F) {
	f.Add(appendMarker(nil, uidl.Key{UID: "uid", Dup: 7}))
	f.Fuzz(func(t *testing.T, b []byte) {
		k := parseMarker(b)
		if k == (uidl.Key{}) {
			return
		}
		if again := appendMarker(nil, k); !bytes.HasPrefix(b, again) || len(again) > markerMax || markerMax > noteOffset {
			t.Errorf("%x became %+v and %x", b, k, again)
		}
	})
}

func TestNoteTorn(t *testing.T) {
	n := uidl.Note{Token: strings.Repeat("t", tokenMax), Epoch: 1<<63 - 1}
	whole := appendNote(nil, n)
	if got := parseNote(append(bytes.Clone(whole), "stale"...)); got != n {
		t.Errorf("followed by a stale rest: %+v", got)
	}
	for i := range whole {
		bad := bytes.Clone(whole)
		bad[i] ^= 0x10
		if got, cut := parseNote(bad), parseNote(whole[:i]); got != (uidl.Note{}) || cut != (uidl.Note{}) {
			t.Errorf("bit flipped at %d: %+v; cut there: %+v", i, got, cut)
		}
	}
}
