package steps

import "math"

// stepCounts counts steps by the number of the message, in little more than an octet each: a million headers may be asked for.
type stepCounts map[int]*[countsEach]uint8

const countsEach = 64

func (c stepCounts) add(num int) {
	part := c[num/countsEach]
	if part == nil {
		part = new([countsEach]uint8)
		c[num/countsEach] = part
	}
	if n := &part[num%countsEach]; *n < math.MaxUint8 {
		*n++
	}
}

func (c stepCounts) of(num int) int {
	if part := c[num/countsEach]; part != nil {
		return int(part[num%countsEach])
	}
	return 0
}
