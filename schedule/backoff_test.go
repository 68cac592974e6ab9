package schedule

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

func TestBackoff(t *testing.T) {
	lowest, highest := func() float64 { return 0 }, func() float64 { return math.Nextafter(1, 0) }
	for _, tt := range []struct {
		failures   int
		base, most time.Duration
		low, high  time.Duration
	}{
		{0, time.Minute, time.Hour, 0, 0},
		{-1, time.Minute, time.Hour, 0, 0},
		{3, 0, time.Hour, 0, 0},
		{3, -time.Minute, time.Hour, 0, 0},
		{1, time.Minute, time.Hour, 30 * time.Second, time.Minute},
		{2, time.Minute, time.Hour, 30 * time.Second, 2 * time.Minute},
		{3, time.Minute, time.Hour, 30 * time.Second, 4 * time.Minute},
		{6, time.Minute, time.Hour, 30 * time.Second, 32 * time.Minute},
		{7, time.Minute, time.Hour, 30 * time.Second, time.Hour},
		{math.MaxInt, time.Minute, time.Hour, 30 * time.Second, time.Hour},
		{math.MaxInt, 1, math.MaxInt64, 0, math.MaxInt64},
		{5, time.Hour, time.Minute, 30 * time.Second, time.Minute},
		{5, time.Hour, 0, 0, 0},
	} {
		low, high := Backoff(tt.failures, tt.base, tt.most, lowest), Backoff(tt.failures, tt.base, tt.most, highest)
		if low != tt.low || high > tt.high || high < tt.high-tt.high/1e6 {
			t.Errorf("%d failures, %v to %v: from %v to %v, want %v to %v", tt.failures, tt.base, tt.most, low, high, tt.low, tt.high)
		}
	}
}

// After several failures the waits are spread evenly, so that those that failed together come back one by one.
func TestBackoffSpreads(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var tenths [10]int
	for range 10000 {
		d := Backoff(5, 2*time.Minute, time.Hour, r.Float64) - time.Minute
		tenths[d/(31*time.Minute/10)]++
	}
	for _, n := range tenths {
		if n < 900 || n > 1100 {
			t.Errorf("not even: %v", tenths)
		}
	}
}
