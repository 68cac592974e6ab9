package probe

import (
	"context"
	"sync"
)

// relayLooks is how many look at one mail server at once: many accounts may send to one, and such servers count connections.
const relayLooks = 4

// Turns are places at mail servers that several accounts send to.
type Turns struct {
	mu     sync.Mutex
	places map[string]chan struct{} // by address
}

// Enter waits for a place at a mail server; leave gives it back.
func (t *Turns) Enter(ctx context.Context, address string) (leave func(), err error) {
	t.mu.Lock()
	if t.places == nil {
		t.places = map[string]chan struct{}{}
	}
	places := t.places[address]
	if places == nil {
		places = make(chan struct{}, relayLooks)
		t.places[address] = places
	}
	t.mu.Unlock()
	select {
	case places <- struct{}{}:
		return func() { <-places }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
