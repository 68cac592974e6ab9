package notify

import (
	"context"
	"strings"
	"testing"
	"time"
)

// That a login will end is told once, ahead, beside all else; and that it will not, once somebody has seen to it. Where nobody can
// tell, as after its end, nothing changes.
func TestEnding(t *testing.T) {
	c := &recorder{name: "c"}
	w := newWorld(t, c)
	for i, what := range []string{"", "the login ends on 2027-01-31", "the login ends on 2027-01-31", "unknown", "the login ends on 2027-01-31", "", ""} {
		o := Outcome{Account: "work", At: start.Add(time.Duration(i) * time.Hour), Kind: Fine, Ending: what, EndingNext: "log in again: popsync login work"}
		if what == "unknown" {
			o.Kind, o.Ending, o.EndingUnknown = Temporary, "", true
		}
		must(t, w.n.Observe(context.Background(), o))
	}
	if got, want := c.told(), "ending:trouble@1h0m0s ending:recovered@5h0m0s"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	text := c.got[0].Text()
	for _, want := range []string{"a login of account \"work\" will end", "2027-01-31", "popsync login work", "no new mail comes"} {
		if !strings.Contains(strings.Join(strings.Fields(text), " "), want) {
			t.Errorf("%q is not in:\n%s", want, text)
		}
	}
}
