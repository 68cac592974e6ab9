package tokens

import "testing"

// Two Keepers of one place would not know what the other has under way.
func TestOneKeeperForEachPlace(t *testing.T) {
	var all Keepers
	first := all.Of(Options{Dir: "/a"})
	if all.Of(Options{Dir: "/a"}) != first {
		t.Error("one place has two")
	}
	for _, o := range []Options{{Dir: "/b"}, {Dir: "/a", Command: []string{"x"}}, {Dir: "/a", Command: []string{"x", "y"}}} {
		if k := all.Of(o); k == first || k != all.Of(o) {
			t.Errorf("%+v", o)
		}
	}
}
