package main

import (
	"maps"
	"slices"
	"sync"
)

// undo is what has to be put right before the process ends at once: a terminal that shows nothing of what is typed, programs
// that run. A nil undo keeps nothing.
type undo struct {
	mu   sync.Mutex
	next int
	todo map[int]func()
}

// add has f called if the process ends at once before done was called. f may be called from any goroutine, also at the same
// time as what it would put right is put right in order.
func (u *undo) add(f func()) (done func()) {
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

// all puts everything right, the latest first, and lets nothing new begin.
func (u *undo) all() {
	if u == nil {
		return
	}
	u.mu.Lock() // for good: the process ends
	for _, n := range slices.Backward(slices.Sorted(maps.Keys(u.todo))) {
		u.todo[n]()
	}
}
