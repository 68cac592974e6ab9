package probe

import "context"

// smallListing is how much memory a listing may take, in octets, without waiting for others: some 50,000 messages.
const smallListing = 2 << 20

// Listings lets one large listing at a time into memory: accounts are looked at side by side, and a mailbox may have a million
// messages. Small ones do not wait.
type Listings chan struct{}

// NewListings are for all accounts that are looked at.
func NewListings() Listings { return make(Listings, 1) }

// listing is for one account: grow is told how much memory its listing takes (pop3.Options.Grow) and waits for its turn, until
// ctx ends; done gives that to the next.
func (b Listings) listing(ctx context.Context) (grow func(octets int64) error, done func()) {
	inside := false
	grow = func(octets int64) error {
		if inside || octets <= smallListing {
			return nil
		}
		select {
		case b <- struct{}{}:
			inside = true
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return grow, func() {
		if inside {
			<-b
			inside = false
		}
	}
}
