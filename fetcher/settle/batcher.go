package settle

import (
	"sync"
	"time"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/uidl"
)

// Received is a message whose terminator arrived, staged at the destinations of its copies.
type Received struct {
	Num     int // in the session that retrieved it
	Session int
	Owed    bool // known before: other destinations have it, or had
	Again   bool // delivered before, and asked for again
	Msg     uidl.Message
	Whole   [32]byte // SHA-256 of all of it; msg.SHA256 leaves out lines that servers rewrite
	Strong  bool     // its header is enough to know it by
	Copies  []Delivery
}

// Delivery is one destination's copy on its way through the protocol.
type Delivery struct {
	Dest *Place
	Row  uidl.Delivery
	Err  error // staging failed: the destination still owes the message
}

// Ticket names the copy at its destination; "" once the ledger holds it no more.
func (d *Delivery) Ticket() deliver.Ticket { return deliver.Ticket(d.Row.Ticket) }

// Batch goes through the delivery protocol as a whole.
type Batch struct {
	msgs   []Received
	octets int64
}

// Batcher collects messages and hands full batches over: while one is received, the one before it is made durable, and
// the one before that is settled. When those are busy and the next batch is full, the reader waits in add; that is the
// only brake.
type Batcher struct {
	maxMsgs   int
	maxOctets int64
	maxAge    time.Duration

	mu    sync.Mutex
	left  []*Batch // that no commit has named, because the one of another failed
	cur   *Batch
	timer *time.Timer // runs while cur has messages
	ready chan *Batch
	dead  chan struct{} // closed when the settler gave up
}

// NewBatcher makes one whose batches have so many messages at most, or octets, or are so old.
func NewBatcher(messages int, octets int64, age time.Duration) *Batcher {
	b := &Batcher{
		maxMsgs: messages, maxOctets: octets, maxAge: age,
		cur: &Batch{}, ready: make(chan *Batch), dead: make(chan struct{}), timer: time.NewTimer(time.Hour),
	}
	b.timer.Stop()
	return b
}

// Add takes a message over and returns false when the settler gave up.
func (b *Batcher) Add(m Received) bool {
	b.mu.Lock()
	if len(b.cur.msgs) == 0 {
		b.timer.Reset(b.maxAge)
	}
	b.cur.msgs = append(b.cur.msgs, m)
	b.cur.octets += m.Msg.Octets
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
func (b *Batcher) leave(left *Batch) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left = append(b.left, left)
}

// Unsettled are the batches that no commit has named, once run has returned and nothing more is added.
func (b *Batcher) Unsettled() []*Batch {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append(b.left, b.cur)
}

// swap takes the current batch out; b.mu is held.
func (b *Batcher) swap() *Batch {
	b.timer.Stop()
	full := b.cur
	b.cur = &Batch{msgs: make([]Received, 0, len(full.msgs))} // the next one is most likely as large
	return full
}

// Run takes batches through prepare and then settle, each one at a time and in order, until finish. A batch is also due
// when it is maxAge old, so that a slow server does not keep complete messages from the mailbox. It returns the first
// error; what was not settled by then is left: see unsettled.
func (b *Batcher) Run(prepare, settle func(*Batch) error) error {
	defer close(b.dead)
	prepared := make(chan *Batch)
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
func (b *Batcher) each(prepare func(*Batch) error, prepared chan<- *Batch, failed <-chan struct{}) error {
	for {
		var due *Batch
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

// Finish tells run that nothing more comes. What was added is settled first.
func (b *Batcher) Finish() { close(b.ready) }
