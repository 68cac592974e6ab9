package pop3

import "slices"

// chunks is a list that grows without being copied: what a large mailbox lists is never in memory twice.
type chunks[T any] struct {
	list [][]T // each full, but for the last
}

const (
	chunkBits = 13
	chunkLen  = 1 << chunkBits // elements
)

func (c *chunks[T]) len() int {
	if len(c.list) == 0 {
		return 0
	}
	return (len(c.list)-1)<<chunkBits + len(c.list[len(c.list)-1])
}

func (c *chunks[T]) at(i int) *T { return &c.list[i>>chunkBits][i&(chunkLen-1)] }

// add puts an element at the end. The first chunk grows by and by: most mailboxes are small.
func (c *chunks[T]) add(v T) {
	n := len(c.list)
	switch {
	case n == 0:
		c.list = append(c.list, nil)
		n = 1
	case len(c.list[n-1]) == chunkLen:
		c.list = append(c.list, make([]T, 0, chunkLen))
		n++
	}
	c.list[n-1] = append(c.list[n-1], v)
}

// room is how many elements there is memory for.
func (c *chunks[T]) room() (n int) {
	if k := len(c.list); k > 0 {
		n = (k-1)<<chunkBits + cap(c.list[k-1])
	}
	return n
}

// flat takes the elements out, in one piece.
func (c *chunks[T]) flat() []T {
	all := slices.Concat(c.list...)
	c.list = nil
	return all
}

// chunked makes chunks of a slice, without a copy.
func chunked[T any](all []T) (c chunks[T]) {
	for part := range slices.Chunk(all, chunkLen) {
		c.list = append(c.list, part)
	}
	return c
}
