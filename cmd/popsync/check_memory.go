package main

import "context"

// smallListing is how much memory a listing may take, in octets, without waiting for others: some 50,000 messages.
const smallListing = 2 << 20

// bigListings lets one large listing at a time into memory: accounts are looked at side by side, and a mailbox may have a million
// messages. Small ones do not wait.
type bigListings chan struct{}

func newBigListings() bigListings { return make(bigListings, 1) }

// listing is for one account: grow is told how much memory its listing takes (pop3.Options.Grow) and waits for its turn, until
// ctx ends; done gives that to the next.
func (b bigListings) listing(ctx context.Context) (grow func(octets int64) error, done func()) {
	held := false
	grow = func(octets int64) error {
		if held || octets <= smallListing {
			return nil
		}
		select {
		case b <- struct{}{}:
			held = true
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return grow, func() {
		if held {
			<-b
			held = false
		}
	}
}
