package program

import "sync"

// Output keeps the beginning and the end of what a program prints, and drops what is between them: a program must not fail
// because it talks much, unless Refuse says so. Safe for concurrent use: one that could not be ended may still write.
type Output struct {
	Head, Tail int   // how many octets are kept of the beginning, and of the end of what follows it
	Refuse     error // fails a write that goes beyond Head, so that the program gets SIGPIPE; nil: none is

	mu   sync.Mutex
	head []byte
	tail []byte
	lost bool
}

// Write takes what the program prints.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := min(o.Head-len(o.head), len(p))
	o.head = append(o.head, p[:n]...)
	if n < len(p) && o.Refuse != nil {
		o.lost = true
		return n, o.Refuse
	}
	o.tail = append(o.tail, p[n:]...)
	if over := len(o.tail) - o.Tail; over > 0 {
		o.tail = append(o.tail[:0], o.tail[over:]...)
		o.lost = true
	}
	return len(p), nil
}

// Kept is what was kept; lost tells that something between head and tail was not.
func (o *Output) Kept() (head, tail string, lost bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.head), string(o.tail), o.lost
}
