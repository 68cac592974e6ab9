package settle

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

// What a destination refuses for now may be the message's fault, or the destination's: it limits how much it takes, its
// mailbox is full, its program is broken. Only what becomes of other messages tells. So a message that was refused is not
// charged at once: if another one, sent after that, is taken, it is; so it is if no other waits, and it was charged before, or
// some were taken since it failed the time before. Else the destination rests, with all that waits for it, and is tried again with another message.

// suspect is a message that was refused for now, and that nobody is charged with yet.
type suspect struct {
	row  uidl.Delivery // as the ledger has it
	err  error
	turn int // refusals so far, this one included
}

type suspects []suspect

// before removes and gives those that were refused before a message was begun after so many refusals.
func (s *suspects) before(begun int) (all []suspect) {
	rest := (*s)[:0]
	for _, one := range *s {
		if one.turn <= begun {
			all = append(all, one)
		} else {
			rest = append(rest, one)
		}
	}
	*s = rest
	return all
}

// putOff deals with a message that was refused for now, or whose sending ended in doubt.
func (o *outbox) putOff(s *sending, result *error, e *deliver.Error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.turns++
	o.vain++
	o.lastRefusal, o.forGood = *result, false
	known := failedBefore(s.row)
	if !e.Uncertain && !(known && len(o.queue) == 0 && (s.row.Attempts > 0 || o.tookSince(s.row.At))) {
		s.turn = o.turns // enter makes a suspect of it
		*result = &unjudgedError{*result}
	}
	most := MaxVain
	switch {
	case e.Full, o.limits && !known: // the next one would be refused as well
		most = 1
	case e.Envelope:
		most = MaxRefused
	}
	if o.vain >= most || o.resting {
		o.failAnew(o.rests())
	}
}

// rests is the error of a destination that takes no more for now. o.mu is held.
func (o *outbox) rests() error {
	why, hint := "it takes nothing for now", "nothing is lost; what waits for it is sent when it takes mail again"
	var last *deliver.Error
	if errors.As(o.lastRefusal, &last) && last.Full { // it may take a smaller one, and does not get well by itself
		why, hint = "it is full", "make room there, or have its limit raised; nothing is lost, and what waits for it is sent then"
	}
	return &refusesError{&deliver.Error{Op: "send to", Place: o.place.Name, Scope: deliver.WholeTarget, Err: fmt.Errorf("%s: %w", why, o.lastRefusal), Hint: hint}}
}

// failedBefore tells that a delivery failed in an earlier pass, whoever was to blame.
func failedBefore(row uidl.Delivery) bool { return row.Parked() || row.PutOff() }

// tookSince tells that the destination took something after a time (Unix seconds). o.mu is held.
func (o *outbox) tookSince(at int64) bool {
	return !o.took.IsZero() || o.p.Health.Took[o.place.Name].Since(o.place.Setting) > at
}

// fail notes that the destination as a whole failed.
func (o *outbox) fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.resting {
		o.failAnew(err)
		return
	}
	o.place.failPublishing(err)
}

// failAnew notes a failure that says more than what was known at the beginning of the pass. o.mu is held.
func (o *outbox) failAnew(err error) {
	if o.resting {
		o.resting = false
		o.place.recover()
	}
	o.place.failPublishing(err)
}

// probe gives a message that came in this pass to a destination that rests because of what it refused: one new message may
// tell that it takes mail again, or that what it refused was to blame. o.mu is held.
func (o *outbox) probe() *sending {
	if !o.resting || o.probed || o.err != nil || o.stop.Err() != nil {
		return nil
	}
	for i := range o.queue {
		if o.queue[i].m != nil {
			o.probed = true
			s := o.queue[i]
			o.queue = append(o.queue[:i], o.queue[i+1:]...)
			return &s
		}
	}
	return nil
}

// wakeUp ends the rest of a destination that took something. o.mu is held.
func (o *outbox) wakeUp() {
	if o.resting {
		o.resting = false
		o.place.recover()
	}
}

// blame enters an attempt for messages that were refused, and others taken after them.
func (o *outbox) blame(c *uidl.Change) {
	o.mu.Lock()
	blamed := o.blamed
	o.blamed = nil
	o.mu.Unlock()
	for _, b := range blamed {
		is := attempted(b.row, false, o.p.now())
		is.At = c.At
		round{o.p}.refusedDelivery(b.row, is, b.err)
		c.Stage = append(c.Stage, is)
	}
}

// attempted is a row after one more attempt that failed.
func attempted(row uidl.Delivery, forGood bool, now time.Time) uidl.Delivery {
	row.Attempts++
	if forGood {
		row.Attempts = max(row.Attempts, health.MaxAttempts)
	}
	row.NextTry = now.Add(health.RetryAfter(row.Attempts)).Unix()
	return row
}

// unanswered deals with what was refused and nothing was taken after, once nothing is on its way any more. Envelopes are
// charged if the destination took mail of late; else it is the destination that refuses.
func (o *outbox) unanswered(ctx context.Context) error {
	o.mu.Lock()
	waiting, asked := o.waiting, len(o.suspects) > 0
	o.waiting = nil
	if o.place.PublishFailure() == nil && len(waiting) > 0 && !o.tookSince(o.p.now().Add(-health.Trusted).Unix()) {
		o.place.failPublishing((refusals{o}).refusing())
	} else if o.place.PublishFailure() == nil && asked {
		o.place.failPublishing(o.rests())
	}
	if o.place.PublishFailure() != nil {
		waiting = nil
	}
	nothing := len(waiting) == 0 && len(o.blamed) == 0
	o.mu.Unlock()
	if nothing || o.p.Doubt != nil {
		return nil
	}
	return o.p.Change(ctx, func(c *uidl.Change) {
		o.blame(c)
		for _, s := range waiting {
			is := attempted(s.row, false, o.p.now())
			is.State, is.At, is.Reason = uidl.Staged, c.At, words.Clip(o.lastRefusal.Error())
			round{o.p}.refusedDelivery(s.row, is, o.lastRefusal)
			c.Stage = append(c.Stage, is)
		}
	})
}
