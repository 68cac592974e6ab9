package trust

import (
	"slices"
	"testing"
)

// Each option counts, and none leaves nothing: what is remembered of servers goes by that.
func TestIdentity(t *testing.T) {
	if all := (Options{CAFile: "/ca"}).Identity(); len(all) > 0 {
		t.Errorf("of nothing: %q", all)
	}
	seen := map[string]bool{}
	for _, o := range []Options{{Pins: []string{"x"}}, {ClientCert: "x"}, {ClientKey: "x"}, {ServerName: "x"}, {MinVersion: "x"}, {Legacy: true}} {
		all := o.Identity()
		if len(all) != 1 || seen[all[0]] || !slices.Equal(all, o.Identity()) {
			t.Errorf("%+v: %q", o, all)
			continue
		}
		seen[all[0]] = true
	}
}
