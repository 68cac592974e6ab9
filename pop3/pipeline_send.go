package pop3

import (
	"sync"
	"time"
)

// sender writes commands on a goroutine of its own, so that a server which does not read while it sends cannot stop
// us from receiving. It has no deadline: the reader notices when nothing moves, and then ends it.
type sender struct {
	w    *wire
	wake chan struct{}
	done chan struct{}

	mu   sync.Mutex
	next []byte
	err  error
}

func startSender(w *wire) *sender {
	s := &sender{w: w, wake: make(chan struct{}, 1), done: make(chan struct{})}
	w.setWriteDeadline(time.Time{})
	go s.run()
	return s
}

// send hands over complete commands; it never waits.
func (s *sender) send(b []byte) {
	s.mu.Lock()
	s.next = append(s.next, b...)
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *sender) run() {
	defer close(s.done)
	var b []byte
	for range s.wake {
		s.mu.Lock()
		b, s.next = s.next, b[:0]
		failed := s.err != nil
		s.mu.Unlock()
		if len(b) == 0 || failed {
			continue
		}
		s.w.log.Sent(b)
		if _, err := s.w.conn.Write(b); err != nil {
			s.mu.Lock()
			s.err = err // the reader goes on: what the server said before it closed is of more use
			s.mu.Unlock()
		}
	}
}

// stop ends the goroutine: at once when the conversation is broken, else when all is written, which it is unless the
// server answered what it had not read.
func (s *sender) stop(t *talk) {
	if t.broken != nil {
		t.w.setWriteDeadline(time.Unix(1, 0))
	} else {
		t.w.setWriteDeadline(t.patience())
	}
	close(s.wake)
	<-s.done
	if s.err != nil && t.broken == nil {
		t.broken = &ConnError{Command: "writing", Err: s.err}
	}
}

// mayPipeline tells whether several commands may be outstanding (RFC 2449, section 6.6).
func (c *Client) mayPipeline() bool { return c.caps.Pipelining && !c.opt.NoPipelining && !c.alone }
