package dialer

import (
	"slices"
	"testing"
)

// The way at once is none, whatever it is called, and an argument, which may be a secret, is not told.
func TestIdentity(t *testing.T) {
	if Identity("", "", "", "", nil) != nil || Identity("none", "", "", "", nil) != nil {
		t.Error("the way at once is told")
	}
	for i, got := range [][]string{
		Identity("x", "", "", "", nil), Identity("", "x", "", "", nil), Identity("", "", "x", "", nil), Identity("", "", "", "x", nil),
		Identity("", "", "", "", []string{"x", "MARKER"}),
	} {
		want := make([]string, 5)
		want[i] = "x"
		if !slices.Equal(got, want) {
			t.Errorf("%d: %q", i, got)
		}
	}
}
