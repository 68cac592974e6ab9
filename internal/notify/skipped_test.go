package notify

import (
	"context"
	"testing"
	"time"
)

// Mail that is left out for its size is told if that is wanted, once for as long as there is some, and beside all else.
func TestSkipped(t *testing.T) {
	for _, wanted := range []bool{true, false} {
		c := &recorder{name: "c"}
		w := newWorld(t, c)
		w.o.Skipped = wanted
		w.open()
		for i, n := range []int{0, 1, 3, -1, 2, 0, 0} {
			kind := Fine
			if n < 0 {
				kind = Temporary
			}
			must(t, w.n.Observe(context.Background(), Outcome{Account: "work", At: start.Add(time.Duration(i) * time.Hour), Kind: kind, Skipped: n}))
		}
		want := ""
		if wanted {
			want = "skipped:trouble@1h0m0s skipped:recovered@5h0m0s"
		}
		if got := c.told(); got != want {
			t.Errorf("wanted %v: %q, want %q", wanted, got, want)
		}
	}
}
