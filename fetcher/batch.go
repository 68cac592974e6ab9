package fetcher

import (
	"sync"
	"time"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/uidl"
)

// received is a message whose terminator arrived, staged at the destinations of its copies.
type received struct {
	num     int // in the session that retrieved it
	session int
	owed    bool // known before: other destinations have it, or had
	again   bool // delivered before, and asked for again
	msg     uidl.Message
	whole   [32]byte // SHA-256 of all of it; msg.SHA256 leaves out lines that servers rewrite
	strong  bool     // its header is enough to know it by
	copies  []delivery
}

// delivery is one destination's copy on its way through the protocol.
type delivery struct {
	dest *destination
	row  uidl.Delivery
	err  error // staging failed: the destination still owes the message
}

func (d *delivery) ticket() deliver.Ticket { return deliver.Ticket(d.row.Ticket) }

// batch goes through the delivery protocol as a whole.
type batch struct {
	msgs   []received
	octets int64
}

// batcher collects messages and hands full batches over: while one is received, the one before it is made durable, and
// the one before that is settled. When those are busy and the next batch is full, the reader waits in add; that is the
// only brake.
type batcher struct {
	maxMsgs   int
	maxOctets int64
	maxAge    time.Duration

	mu    sync.Mutex
	left  []*batch // that no commit has named, because the one of another failed
	cur   *batch
	timer *time.Timer // runs while cur has messages
	ready chan *batch
	dead  chan struct{} // closed when the settler gave up
}

func newBatcher(o Options) *batcher {
	b := &batcher{
		maxMsgs: o.BatchMessages, maxOctets: o.BatchBytes, maxAge: o.BatchTime,
		cur: &batch{}, ready: make(chan *batch), dead: make(chan struct{}), timer: time.NewTimer(time.Hour),
	}
	b.timer.Stop()
	return b
}

// add takes a message over and returns false when the settler gave up.
func (b *batcher) add(m received) bool {
	b.mu.Lock()
	if len(b.cur.msgs) == 0 {
		b.timer.Reset(b.maxAge)
	}
	b.cur.msgs = append(b.cur.msgs, m)
	b.cur.octets += m.msg.Octets
	if len(b.cur.msgs) < b.maxMsgs && b.cur.octets < b.maxOctets {
		b.mu.Unlock()
		return true
	}
	full := b.swap()
	b.mu.Unlock()
	select {
	case b.ready <- full:
		return true
	case <-b.dead:
		b.leave(full)
		return false
	}
}

// leave notes a batch that is not settled.
func (b *batcher) leave(left *batch) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left = append(b.left, left)
}

// unsettled are the batches that no commit has named, once run has returned and nothing more is added.
func (b *batcher) unsettled() []*batch {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append(b.left, b.cur)
}

// swap takes the current batch out; b.mu is held.
func (b *batcher) swap() *batch {
	b.timer.Stop()
	full := b.cur
	b.cur = &batch{msgs: make([]received, 0, len(full.msgs))} // the next one is most likely as large
	return full
}

// run takes batches through prepare and then settle, each one at a time and in order, until finish. A batch is also due
// when it is maxAge old, so that a slow server does not keep complete messages from the mailbox. It returns the first
// error; what was not settled by then is left: see unsettled.
func (b *batcher) run(prepare, settle func(*batch) error) error {
	defer close(b.dead)
	prepared := make(chan *batch)
	failed, result := make(chan struct{}), make(chan error, 1)
	go func() {
		for due := range prepared {
			if err := settle(due); err != nil {
				close(failed)
				for due := range prepared {
					b.leave(due)
				}
				result <- err
				return
			}
		}
		result <- nil
	}()
	err := b.each(prepare, prepared, failed)
	close(prepared)
	if serr := <-result; serr != nil {
		return serr
	}
	return err
}

// each sends on what prepare made of the batches.
func (b *batcher) each(prepare func(*batch) error, prepared chan<- *batch, failed <-chan struct{}) error {
	for {
		var due *batch
		last := false
		select {
		case full, ok := <-b.ready:
			due, last = full, !ok
		case <-b.timer.C:
		case <-failed:
			return nil
		}
		if due == nil {
			b.mu.Lock()
			due = b.swap()
			b.mu.Unlock()
		}
		if len(due.msgs) > 0 {
			if err := prepare(due); err != nil {
				b.leave(due)
				return err
			}
			select {
			case prepared <- due:
			case <-failed:
				b.leave(due)
				return nil
			}
		}
		if last {
			return nil
		}
	}
}

// finish tells run that nothing more comes. What was added is settled first.
func (b *batcher) finish() { close(b.ready) }
