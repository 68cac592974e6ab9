package probe

import (
	"context"
	"testing"
	"testing/synctest"
)

// Of large listings one is in memory at a time; small ones wait for nobody, and a stop ends the waiting.
func TestBigListingsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		b := NewListings()
		first, firstDone := b.listing(ctx)
		second, secondDone := b.listing(ctx)
		if first(smallListing) != nil || second(smallListing) != nil || first(smallListing+1) != nil || first(4*smallListing) != nil {
			t.Fatal("it waits or fails")
		}
		got := make(chan error, 1)
		go func() { got <- second(smallListing + 1) }()
		synctest.Wait()
		if len(got) != 0 {
			t.Error("two are large at once")
		}
		firstDone()
		firstDone() // twice is once
		if err := <-got; err != nil {
			t.Error(err)
		}
		go func() { got <- first(smallListing + 1) }()
		synctest.Wait()
		cancel()
		if err := <-got; err == nil {
			t.Error("it does not end")
		}
		secondDone()
	})
}
