package document

import (
	"strings"
	"testing"
)

func TestPaths(t *testing.T) {
	p := Path("").Key("account").Key("a.b").Key("deliver").Index(1).Key("path")
	if want := Path(`account."a.b".deliver[1].path`); p != want {
		t.Errorf("%s, want %s", p, want)
	}
	for _, tt := range []struct{ path, above Path }{
		{"a.b[0].c", "a.b[0]"}, {"a.b[0]", "a.b"}, {"a", ""}, {"", ""},
	} {
		if got := tt.path.Above(); got != tt.above {
			t.Errorf("above %s is %s, want %s", tt.path, got, tt.above)
		}
	}
	for _, tt := range []struct {
		path, above Path
		want        bool
	}{
		{"a.b", "a.b", true}, {"a.b.c", "a.b", true}, {"a.b[0]", "a.b", true}, {"a.bc", "a.b", false}, {"a", "a.b", false},
	} {
		if got := tt.path.Within(tt.above); got != tt.want {
			t.Errorf("%s within %s: %v", tt.path, tt.above, got)
		}
	}
	if s := Path(strings.Repeat("x", 1000)).Short(); len(s) != 163 {
		t.Errorf("short: %d octets", len(s))
	}
}
