package words

import (
	"testing"
	"time"
)

func TestUntil(t *testing.T) {
	now := time.Unix(1790000000, 0)
	for d, want := range map[time.Duration]string{
		-time.Hour: "now", 0: "now", 5 * time.Second: "in 5s", 61 * time.Second: "in 1m", 3 * time.Hour: "in 3h", 72 * time.Hour: "in 3d",
	} {
		if got := Until(now.Add(d), now); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
	if got := Until(time.Time{}, now); got != "-" {
		t.Errorf("never: %q", got)
	}
}
