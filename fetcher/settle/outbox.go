package settle

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/popsync/popsync/deliver"
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
}

// outbox sends what is staged for one remote destination, while the reader goes on. Each of its lanes has one message
// 'publishing' at a time; the commit that moves the next one there carries the result of the one before, so a crash
// leaves one message in doubt for each lane and costs one sync for each message.
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

	turns       int       // messages refused for now so far
	vain        int       // and in a row
	some        bool      // it refused some recipients for good, and that was told
	waived      int       // messages that it goes without
	spurns      int       // messages refused for good after their content, in a row
	suspects    suspects  // of those, that nobody is charged with yet
	blamed      []suspect // and that the next commit charges
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

// take gives the message that the lane reserved, or the next one from the queue. A caller with nothing else in hand ends
// its lane when there is none. A reserved one that is not to be begun goes back to where it came from.
func (o *outbox) take(idle bool, reserved *sending) *sending {
	o.mu.Lock()
	defer o.mu.Unlock()
	over := o.over()
	if reserved != nil {
		if o.kept--; !over {
			return reserved
		}
		o.queue = slices.Insert(o.queue, 0, *reserved)
	}
	if len(o.queue) == 0 || over {
		if s := o.probe(); s != nil {
			return s
		}
		if idle {
			o.lanes--
			o.tell()
		}
		return nil
	}
	return o.pop()
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
	var last, reserved *sending
	var result error
	for {
		next := o.take(last == nil, reserved)
		reserved = nil
		if last == nil && next == nil {
			return nil
		}
		if err := o.turn(last, result, next); err != nil {
			return err
		}
		if last = next; last == nil {
			continue
		}
		if err := o.p.LeaseLost(); err != nil {
			return err
		}
		reserved = o.reserve()
		result = o.publish(last, reserved)
		o.interrupted(&result)
		if err := (refusals{o}).learn(last, &result); err != nil {
			return err
		}
	}
}

// publish sends a message, with a word about the one after it if that is known.
func (o *outbox) publish(s, next *sending) error {
	o.mu.Lock()
	s.begun = o.turns
	o.mu.Unlock()
	t := deliver.Ticket(s.row.Ticket)
	if next == nil {
		return publishAll(o.late, o.place, []deliver.Ticket{t})[0]
	}
	return o.place.Can().Foreseer.PublishBefore(o.late, t, deliver.Ticket(next.row.Ticket))
}

// turn commits what came of the last message together with 'publishing' for the next one; either may be nil.
func (o *outbox) turn(last *sending, result error, next *sending) error {
	var came []published
	if last != nil && last.row.Ticket != "" { // else it was given to the fallback: see divert
		came = []published{{d: o.place, row: last.row, m: last.m, err: result}}
	}
	err := (round{o.p}).concludeRound(o.late, came, func(c *uidl.Change) {
		if len(came) > 0 {
			o.suspect(last, &came[0])
		}
		if next != nil {
			next.row.State, next.row.At = uidl.Publishing, c.At
			c.Stage = append(c.Stage, next.row)
		}
	})
	if err != nil || last == nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.moved++
	refusals{o}.comeBack(last)
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

// Drain waits until all outboxes are idle, at most for the given time; keep is called now and then meanwhile. idle is
// false when the time was over first.
func (p *Settler) Drain(most time.Duration, keep func()) (idle bool, err error) {
	end := time.NewTimer(max(most, 0))
	defer end.Stop()
	alive := time.NewTicker(KeepAlive)
	defer alive.Stop()
	for _, d := range p.Outboxes() {
		for {
			idle, changed, err := d.out.idle()
			if err != nil {
				return true, err
			}
			if idle {
				break
			}
			select {
			case <-changed:
			case <-alive.C:
				keep()
			case <-end.C:
				return false, nil
			}
		}
	}
	return true, nil
}

// OpenOutboxes gives every remote destination its outbox.
func (p *Settler) OpenOutboxes(stop, late context.Context) {
	if p.DryRun {
		return
	}
	for _, d := range p.Places {
		if d.IsRemote() {
			d.out = newOutbox(stop, late, p, d)
		}
	}
}

// CloseOutboxes lets what is staged be sent, unless the pass was cancelled or must stop, and waits until nothing is on
// its way: a message that is being sent is never abandoned by us, only its time is bounded.
func (p *Settler) CloseOutboxes(ctx context.Context, halt func(), err error) error {
	if ctx.Err() == nil && !verdict.Final(err) {
		if _, derr := p.Drain(p.SessionTime, func() {}); err == nil {
			err = derr
		}
	}
	halt()
	for _, d := range p.Outboxes() {
		if derr := d.out.rest(); derr != nil && (err == nil || verdict.Final(derr) && !verdict.Final(err)) {
			err = derr
		}
	}
	p.Committing.Lock()
	defer p.Committing.Unlock()
	if !verdict.Final(p.Doubt) {
		p.Doubt = nil // nothing was applied; how the pass went may still be written down
	}
	return err
}

// Outboxes are the remote destinations; the fallback comes last, since the others may give it something to send.
func (p *Settler) Outboxes() []*Place {
	var all []*Place
	for _, last := range []bool{false, true} {
		for _, d := range p.Places {
			if d.out != nil && d.Fallback == last {
				all = append(all, d)
			}
		}
	}
	return all
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
