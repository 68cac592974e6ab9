package schedule

import "container/heap"

// pile is a heap whose things know their place in it, so that one can be moved or removed without a search.
type pile[T any] struct {
	items  []T
	before func(a, b T) bool
	place  func(T) *int // where a thing keeps its place, counted from 1; 0: it isn't in the pile
}

// head gives the first thing without removing it.
func (p *pile[T]) head() (x T, ok bool) {
	if len(p.items) == 0 {
		return x, false
	}
	return p.items[0], true
}

// put adds x, or moves it to where it belongs now.
func (p *pile[T]) put(x T) {
	if at := *p.place(x); at > 0 {
		heap.Fix(pileOrder[T]{p}, at-1)
	} else {
		heap.Push(pileOrder[T]{p}, x)
	}
}

// drop removes x if it is there.
func (p *pile[T]) drop(x T) {
	if at := *p.place(x); at > 0 {
		heap.Remove(pileOrder[T]{p}, at-1)
	}
}

// pileOrder keeps what container/heap wants out of pile's own methods.
type pileOrder[T any] struct{ p *pile[T] }

func (o pileOrder[T]) Len() int           { return len(o.p.items) }
func (o pileOrder[T]) Less(i, j int) bool { return o.p.before(o.p.items[i], o.p.items[j]) }

func (o pileOrder[T]) Swap(i, j int) {
	x := o.p.items
	x[i], x[j] = x[j], x[i]
	*o.p.place(x[i]), *o.p.place(x[j]) = i+1, j+1
}

func (o pileOrder[T]) Push(x any) {
	o.p.items = append(o.p.items, x.(T))
	*o.p.place(x.(T)) = len(o.p.items)
}

func (o pileOrder[T]) Pop() any {
	last := len(o.p.items) - 1
	x := o.p.items[last]
	var none T
	o.p.items[last] = none
	o.p.items = o.p.items[:last]
	*o.p.place(x) = 0
	return x
}
