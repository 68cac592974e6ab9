package console

import (
	"maps"
	"slices"
	"sync"
)

// Undo is what has to be put right before the process ends at once: a terminal that shows nothing of what is typed, programs
// that run. A nil Undo keeps nothing.
type Undo struct {
	mu   sync.Mutex
	next int
	todo map[int]func()
}

// Add has f called if the process ends at once before done was called. f may be called from any goroutine, also at the same
// time as what it would put right is put right in order.
func (u *Undo) Add(f func()) (done func()) {
	if u == nil {
		return func() {}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.todo == nil {
		u.todo = map[int]func(){}
	}
	u.next++
	n := u.next
	u.todo[n] = f
	return func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		delete(u.todo, n)
	}
}

// All puts everything right, the latest first, and lets nothing new begin.
func (u *Undo) All() {
	if u == nil {
		return
	}
	u.mu.Lock() // for good: the process ends
	for _, n := range slices.Backward(slices.Sorted(maps.Keys(u.todo))) {
		u.todo[n]()
	}
}
