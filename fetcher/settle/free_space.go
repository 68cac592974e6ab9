package settle

import (
	"context"
	"errors"
	"sync"
)

// askSpace is how many octets may be written between two looks at the free space.
const askSpace = 8 << 20

// Sending tells whether a remote destination is being sent to.
func (d *Place) Sending() bool {
	if d.out == nil {
		return false
	}
	idle, _, _ := d.out.idle()
	return !idle
}

// MakeRoom is the next step of a person.
func (d *Place) MakeRoom() string {
	if d.IsRemote() {
		return "repair this destination, so that what waits for it can go, or raise its spool_max"
	}
	return "make room on the destination's filesystem"
}

// Space follows the free space at one destination without asking for every message.
type Space struct {
	Dest  *Place
	Floor int64
	Mu    sync.Mutex
	Asked int64 // octets of messages asked for and not received yet, as listed
	Left  int64 // octets above the floor by the last look, less what was asked for then and since
	Known bool
}

// Look asks the destination how much room it has.
func (sp *Space) Look(ctx context.Context) {
	free, err := sp.Dest.Target.Free(ctx)
	sp.Known = err == nil && free >= 0 // where it cannot be told, writing will tell
	sp.Left = free - sp.Floor - sp.Asked
}

// Take sets size octets aside; false when the destination would fall below its floor.
func (sp *Space) Take(ctx context.Context, size int64) bool {
	sp.Mu.Lock()
	defer sp.Mu.Unlock()
	if sp.Known && sp.Left < size {
		sp.Look(ctx)
	}
	if sp.Known && sp.Left < size {
		return false
	}
	sp.Left -= size
	sp.Asked += size
	return true
}

// Received tells that a message that was asked for has been dealt with.
func (sp *Space) Received(size int64) {
	sp.Mu.Lock()
	defer sp.Mu.Unlock()
	sp.Asked -= size
}

// ErrNoSpace: a message would leave too little free space at a destination.
var ErrNoSpace = errors.New("not enough free space")
