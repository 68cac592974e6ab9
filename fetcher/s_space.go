package fetcher

import (
	"context"
	"errors"
	"sync"
)

// askSpace is how many octets may be written between two looks at the free space.
const askSpace = 8 << 20

// sending tells whether a remote destination is being sent to.
func (d *destination) sending() bool {
	if d.out == nil {
		return false
	}
	idle, _, _ := d.out.idle()
	return !idle
}

// makeRoom is the next step of a person.
func (d *destination) makeRoom() string {
	if d.isRemote() {
		return "repair this destination, so that what waits for it can go, or raise its spool_max"
	}
	return "make room on the destination's filesystem"
}

// space follows the free space at one destination without asking for every message.
type space struct {
	dest  *destination
	floor int64
	mu    sync.Mutex
	asked int64 // octets of messages asked for and not received yet, as listed
	left  int64 // octets above the floor by the last look, less what was asked for then and since
	known bool
}

func (sp *space) look(ctx context.Context) {
	free, err := sp.dest.Target.Free(ctx)
	sp.known = err == nil && free >= 0 // where it cannot be told, writing will tell
	sp.left = free - sp.floor - sp.asked
}

// take sets size octets aside; false when the destination would fall below its floor.
func (sp *space) take(ctx context.Context, size int64) bool {
	sp.mu.Lock()
	defer sp.mu.Unlock()
	if sp.known && sp.left < size {
		sp.look(ctx)
	}
	if sp.known && sp.left < size {
		return false
	}
	sp.left -= size
	sp.asked += size
	return true
}

// received tells that a message that was asked for has been dealt with.
func (sp *space) received(size int64) {
	sp.mu.Lock()
	defer sp.mu.Unlock()
	sp.asked -= size
}

var errNoSpace = errors.New("not enough free space")
