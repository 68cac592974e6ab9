package settle

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/uidl"
)

// sending is a staged copy that waits for its turn at a remote destination.
type sending struct {
	row   uidl.Delivery
	m     *Received // nil: retrieved in an earlier pass
	again bool      // its envelope was refused in this pass: see refusedEnvelope
	since int       // outbox.accepts when it was refused and is to be tried again; 0: it is not
	begun int       // outbox.turns when it was begun
	turn  int       // outbox.turns when it was refused for now, and charged to nobody: see suspect
	alone bool      // it was in a batch, and comes back: see ErrUntried
	err   error     // what Publish said

	looked bool // it is only looked for, in a batch: nothing of it is sent, so it stays 'staged'
}

// outbox sends what is staged for one remote destination, while the reader goes on. Each of its lanes has one message
// 'publishing' at a time, or one batch where its Target takes batches; the commit that moves the next one there carries the
// result of the one before. So a crash leaves one message in doubt for each lane, or one batch, and each costs one sync.
//
// A Target that can make ready for a message is told which one comes after the one it publishes. That one is 'staged'
// until its turn comes.
type outbox struct {
	p     *Settler
	place *Place
	stop  context.Context // ended: no further message is begun
	late  context.Context // ended: neither are those that were begun given more time

	mu      sync.Mutex
	queue   []sending
	waiting []sending     // envelope refused: tried again once another message was accepted
	lanes   int           // running
	kept    int           // messages out of the queue that lanes reserved for themselves
	refused int           // envelopes refused in a row
	accepts int           // envelopes accepted, from 1
	moved   int           // messages settled so far
	changed chan struct{} // closed and replaced whenever something above changes
	err     error         // the ledger failed, or our own code
	cut     bool          // a message did not get through because the pass was told to end

	turns       int               // messages refused for now so far
	vain        int               // and in a row
	some        bool              // it refused some recipients for good, and that was told
	waived      int               // messages that it goes without
	diverted    []health.Diverted // what the fallback took in its place
	spurns      int               // messages refused for good after their content, in a row
	suspects    suspects          // of those, that nobody is charged with yet
	blamed      []suspect         // and that the next commit charges
	lastRefusal error
	forGood     bool      // all envelopes refused since the last one was accepted were refused for good
	took        time.Time // when it last took a message in this pass; zero: it did not
	limits      bool      // it refused messages when it was last tried
	resting     bool      // it is not due, because of what it refused: see probe
	probed      bool
}

func newOutbox(stop, late context.Context, p *Settler, d *Place) *outbox {
	return &outbox{p: p, place: d, stop: stop, late: late, accepts: 1, forGood: true, changed: make(chan struct{}),
		limits: p.Health.Down[d.Name].RefusesMessages(d.Setting), resting: d.Down.RefusesMessages(d.Setting)}
}

// add queues copies that the ledger has as 'staged'.
func (o *outbox) add(s ...sending) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.queue = append(o.queue, s...)
	for o.lanes < min(o.place.Target.Lanes(), len(o.queue)+o.kept) {
		o.lanes++
		go o.lane()
	}
	o.tell()
}

// tell wakes whoever waits; o.mu is held.
func (o *outbox) tell() {
	close(o.changed)
	o.changed = make(chan struct{})
}

// take gives the message that the lane reserved, or the next one from the queue, with those that may go with it. A caller with
// nothing else in hand ends its lane when there is none. A reserved one that is not to be begun goes back to where it came from.
func (o *outbox) take(idle bool, reserved *sending) []*sending {
	o.mu.Lock()
	defer o.mu.Unlock()
	over := o.over()
	if reserved != nil {
		if o.kept--; !over {
			return o.batch(reserved)
		}
		o.queue = slices.Insert(o.queue, 0, *reserved)
	}
	if len(o.queue) == 0 || over {
		if s := o.probe(); s != nil {
			return []*sending{s}
		}
		if idle {
			o.lanes--
			o.tell()
		}
		return nil
	}
	return o.batch(o.pop())
}

// reserve takes the message that this lane sends after the one in hand; nil when that is of no use, or when another lane
// could find none in the queue for it.
func (o *outbox) reserve() *sending {
	if o.place.Can().Foreseer == nil {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.queue) < o.lanes || o.over() {
		return nil
	}
	o.kept++
	return o.pop()
}

// over tells that no further message is begun; o.mu is held.
func (o *outbox) over() bool {
	return o.err != nil || o.stop.Err() != nil || o.place.PublishFailure() != nil
}

// pop removes the first message from the queue; o.mu is held.
func (o *outbox) pop() *sending {
	next := o.queue[0]
	o.queue[0] = sending{}
	o.queue = o.queue[1:]
	return &next
}

// lane sends one message after another until there is none.
func (o *outbox) lane() {
	err := Caught(o.send)
	if err == nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lanes--
	if o.err == nil {
		o.err = err
	}
	o.tell()
	o.p.Halted.Store(true)
}

func (o *outbox) send() error {
	var last []*sending
	var reserved *sending
	for {
		next := o.take(len(last) == 0, reserved)
		reserved = nil
		if len(last) == 0 && len(next) == 0 {
			return nil
		}
		if err := o.turn(last, next); err != nil {
			return err
		}
		if last = next; len(last) == 0 {
			continue
		}
		if err := o.p.LeaseLost(); err != nil {
			return err
		}
		if len(last) == 1 {
			reserved = o.reserve()
		}
		o.publish(last, reserved)
		for _, s := range last {
			if len(last) > 1 {
				o.began(s) // they were taken or refused one after the other
			}
			o.interrupted(&s.err)
			if err := (refusals{o}).learn(s, &s.err); err != nil {
				return err
			}
		}
	}
}

// began notes how many were refused before a message was begun.
func (o *outbox) began(s *sending) {
	o.mu.Lock()
	defer o.mu.Unlock()
	s.begun = o.turns
}

// publish sends messages; one alone with a word about the one after it if that is known.
func (o *outbox) publish(all []*sending, next *sending) {
	tickets := make([]deliver.Ticket, len(all))
	for i, s := range all {
		o.began(s)
		tickets[i] = deliver.Ticket(s.row.Ticket)
	}
	if next != nil && len(all) == 1 {
		all[0].err = o.place.Can().Foreseer.PublishBefore(o.late, tickets[0], deliver.Ticket(next.row.Ticket))
		return
	}
	for i, err := range publishAll(o.late, o.place, tickets)[:len(all)] {
		all[i].err = err
	}
	if len(all) == 1 && errors.Is(all[0].err, deliver.ErrUntried) { // a fault of its Target: it would come back for ever
		all[0].err = &deliver.Error{Op: "publish", Scope: deliver.WholeTarget, Err: fmt.Errorf("destination %s does not try", o.place.Name)}
	}
}

// turn commits what came of the last messages together with 'publishing' for the next ones; there may be none of either.
func (o *outbox) turn(last, next []*sending) error {
	var came []published
	var of []*sending
	for _, s := range last {
		if s.row.Ticket != "" { // else it was given to the fallback: see divert
			came = append(came, published{d: o.place, row: s.row, m: s.m, err: s.err})
			of = append(of, s)
		}
	}
	if len(came) == 0 && !slices.ContainsFunc(next, func(s *sending) bool { return !s.looked }) {
		next = nil
		if len(last) == 0 {
			return nil
		}
	}
	err := (round{o.p}).concludeRound(o.late, came, func(c *uidl.Change) {
		for i := range came {
			o.suspect(of[i], &came[i])
		}
		for _, s := range next {
			if s.looked {
				continue
			}
			s.row.State, s.row.At = uidl.Publishing, c.At
			c.Stage = append(c.Stage, s.row)
		}
	})
	if err != nil || len(last) == 0 {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.moved += len(last)
	o.retry(of, came)
	if len(last) > 1 {
		o.blameWithin(last)
	}
	for _, s := range last {
		refusals{o}.comeBack(s)
	}
	o.tell()
	return nil
}

// suspect remembers a message that was refused for now and charged to nobody.
func (o *outbox) suspect(s *sending, came *published) {
	if s.turn == 0 || came.settled || came.waived {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.suspects = append(o.suspects, suspect{came.next.row, came.err, s.turn})
}

// waives tells that a destination that is not required goes without a message: it refused that for good, or its copy is lost.
func (o *outbox) waives(result error, next uidl.Delivery) bool {
	return o.place.Optional && (next.State == uidl.Owed || verdict.Permanent(result) && !unjudged(result))
}

// idle tells that nothing is being sent, and whether something waits; the channel is closed when that may have changed.
func (o *outbox) idle() (idle bool, changed <-chan struct{}, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.lanes == 0, o.changed, o.err
}

// rest waits until nothing is being sent, also when the ledger failed under one lane: the others have a message on its
// way, and once Run has returned another pass may send it again.
func (o *outbox) rest() error {
	for {
		idle, changed, err := o.idle()
		if idle {
			return err
		}
		<-changed
	}
}

// resume queues what earlier passes left. What failed before comes last and is in nobody's way, and of that what failed last.
// But one of them comes second: what becomes of those behind it tells whether it is to blame.
func (o *outbox) resume(rows []uidl.Delivery) {
	slices.SortStableFunc(rows, func(a, b uidl.Delivery) int {
		switch failed := failedBefore(a); {
		case failed != failedBefore(b):
			if failed {
				return 1
			}
			return -1
		case !failed:
			return 0
		}
		return cmp.Or(a.Attempts+a.InDoubt-b.Attempts-b.InDoubt, cmp.Compare(a.At, b.At))
	})
	fresh := slices.IndexFunc(rows, failedBefore)
	if fresh > 1 {
		one := rows[fresh]
		copy(rows[2:fresh+1], rows[1:fresh])
		rows[1] = one
	}
	all := make([]sending, len(rows))
	for i, row := range rows {
		all[i] = sending{row: row}
	}
	o.add(all...)
}
