package main

import "context"

// relayLooks is how many look at one mail server at once: many accounts may send to one, and such servers count connections.
const relayLooks = 4

// enter waits for a place at a mail server; leave gives it back.
func (l *looker) enter(ctx context.Context, address string) (leave func(), err error) {
	l.mu.Lock()
	if l.relays == nil {
		l.relays = map[string]chan struct{}{}
	}
	places := l.relays[address]
	if places == nil {
		places = make(chan struct{}, relayLooks)
		l.relays[address] = places
	}
	l.mu.Unlock()
	select {
	case places <- struct{}{}:
		return func() { <-places }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
