package proxy

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// inFlight bounds the octets on the way in one direction: far more than a receive window of TCP, so that it is the
// peers that bound what is outstanding, and still little memory.
const inFlight = 64 << 20

// chunk is what one read brought, with the time at which it arrives at the other end.
type chunk struct {
	bytes []byte
	due   time.Time
}

// line is one direction: a queue ordered by arrival.
type line struct {
	mu     sync.Mutex
	change *sync.Cond
	queue  []chunk
	size   int
	ended  bool // the source has ended, or the destination takes no more
}

// pass copies src to dst with the delay until either ends, then closes dst's direction. It returns true when it
// stopped because cut octets (when not negative) were passed on.
func (p *Proxy) pass(dst, src net.Conn, cut int64, count *atomic.Int64) bool {
	l := &line{}
	l.change = sync.NewCond(&l.mu)
	var reader sync.WaitGroup
	reader.Go(func() { p.fill(l, src) })
	isCut := p.drain(l, dst, cut, count)
	l.end()
	if isCut {
		dst.Close()
		src.Close()
	} else if c, ok := dst.(*net.TCPConn); ok {
		c.CloseWrite()
	}
	if c, ok := src.(*net.TCPConn); ok {
		c.CloseRead() // wakes the reader when it was the destination that ended
	}
	reader.Wait()
	return isCut
}

// fill reads into the line until the source ends.
func (p *Proxy) fill(l *line, src net.Conn) {
	defer l.end()
	size := int64(256 << 10)
	if p.o.Rate > 0 {
		size = max(1, min(size, p.o.Rate/100)) // a chunk arrives as a whole: 10 ms of it at most
	}
	buf := make([]byte, size)
	var free time.Time // when the rate allows the next octet to leave
	for {
		n, err := src.Read(buf)
		if n > 0 {
			leaves := time.Now()
			if p.o.Rate > 0 {
				if free.After(leaves) {
					leaves = free
				}
				leaves = leaves.Add(time.Duration(float64(n) / float64(p.o.Rate) * float64(time.Second)))
				free = leaves
			}
			if !l.put(chunk{append([]byte(nil), buf[:n]...), leaves.Add(p.o.Delay)}) {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// drain writes what has arrived until the line is empty and ended, the destination fails, or cut octets are through.
func (p *Proxy) drain(l *line, dst net.Conn, cut int64, count *atomic.Int64) (isCut bool) {
	passed := int64(0)
	for {
		if cut >= 0 && passed >= cut {
			return true
		}
		c, ok := l.take()
		if !ok || !p.wait(c.due) {
			return false
		}
		if cut >= 0 && int64(len(c.bytes)) > cut-passed {
			c.bytes = c.bytes[:cut-passed]
		}
		n, err := dst.Write(c.bytes)
		passed += int64(n)
		count.Add(int64(n))
		if err != nil {
			return false
		}
	}
}

// put waits for room; false when the line has ended.
func (l *line) put(c chunk) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.size > inFlight && !l.ended {
		l.change.Wait()
	}
	if l.ended {
		return false
	}
	l.queue = append(l.queue, c)
	l.size += len(c.bytes)
	l.change.Broadcast()
	return true
}

// take waits for a chunk; false when there are no more.
func (l *line) take() (chunk, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.queue) == 0 && !l.ended {
		l.change.Wait()
	}
	if len(l.queue) == 0 {
		return chunk{}, false
	}
	c := l.queue[0]
	l.queue[0] = chunk{}
	l.queue = l.queue[1:]
	l.size -= len(c.bytes)
	l.change.Broadcast()
	return c, true
}

func (l *line) end() {
	l.mu.Lock()
	l.ended = true
	l.change.Broadcast()
	l.mu.Unlock()
}
