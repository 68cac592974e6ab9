package settle

import (
	"context"
	"errors"
	"fmt"

	"go.uber.org/zap"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

// MaxRefused is how many envelopes in a row a destination may refuse before that is taken for its own fault.
const MaxRefused = 3

// MaxVain is how many messages in a row may be sent whole in vain: the second one tells whether the first was to blame.
const MaxVain = 2

// refusals tells whose fault it is that a destination refuses something: the message's, or its own.
type refusals struct{ o *outbox }

// learn looks at what Publish said before it is entered: it is here that a refusal is told to be the message's fault or
// the destination's. result is changed to what is to be entered.
//
// A refusal before the content was sent says little: the sender, the recipient, our address or a setting may be meant.
// It is the message's own only if the same recipients were accepted for another one. One that may pass says as little,
// whenever it comes: see putOff. What is refused for good after the content is the message's own.
func (q refusals) learn(s *sending, result *error) error {
	var e *deliver.Error
	switch {
	case *result == nil:
		q.accepted(s)
	case errors.Is(*result, context.Canceled): // the pass was told to end, which is nobody's fault
	case errors.Is(*result, deliver.ErrUntried):
	case !errors.As(*result, &e), e.Local:
	case e.Scope == deliver.WholeTarget:
		q.o.fail(*result)
	case e.Uncertain, e.Rest == "" && !e.Permanent && (!e.Envelope || e.Vouched || e.Full):
		q.o.putOff(s, result, e)
	case e.Envelope && e.Rest != "":
		q.takesEnvelopes() // of the other recipients; the message waits for these, and no fallback gets it for them
		if e.Permanent {
			q.refusesSome(*result)
		}
	case e.Envelope && (!e.Vouched || q.refusesNow()):
		q.refusedEnvelope(s, result)
	default:
		if !e.Envelope {
			q.takesEnvelopes()
			q.spurned(*result)
		}
		if e.Permanent && !q.o.place.Optional {
			return standIn(q).divert(s, result)
		}
	}
	return nil
}

// spurned counts a message that was refused for good once it was sent whole. That is the message's own, but where several in a row
// are, and none was taken of late, it is more likely that this destination was never set right.
func (q refusals) spurned(err error) {
	q.o.mu.Lock()
	defer q.o.mu.Unlock()
	if q.o.spurns++; q.o.spurns < MaxRefused || q.o.tookSince(q.o.p.now().Add(-health.Trusted).Unix()) {
		return
	}
	q.o.failAnew(&refusesError{&deliver.Error{Op: "send to", Place: q.o.place.Name, Scope: deliver.WholeTarget, Permanent: true,
		Err:  fmt.Errorf("it refused several messages in a row for good, and took none: %w", err),
		Hint: "check what is set for this destination; nothing is lost"}})
}

// refusesSome tells once that recipients are refused for good, while others are not: unless all were accepted of late it is their
// setting that is wrong. Nothing rests for that, or the others would wait for them.
func (q refusals) refusesSome(err error) {
	q.o.mu.Lock()
	first := !q.o.some && !q.o.tookSince(q.o.p.now().Add(-health.Trusted).Unix())
	q.o.some = q.o.some || first
	q.o.mu.Unlock()
	if !first {
		return
	}
	v := verdict.Of(err)
	v.Class, v.Message = verdict.Config, words.Clip(q.o.place.Name+" refuses some of the recipients for good: "+v.Message)
	v.Hint = "check the recipients that are set for this destination; the others get their mail"
	q.o.p.Obs.Worst(v)
}

// refusesNow tells, and counts it, that the destination took others and takes none any more.
func (q refusals) refusesNow() bool {
	q.o.mu.Lock()
	defer q.o.mu.Unlock()
	q.o.refused++
	if q.o.refused < MaxRefused {
		return false
	}
	q.o.refused-- // it is counted once more
	return true
}

// accepted notes that the destination took a message.
func (q refusals) accepted(s *sending) {
	q.takesEnvelopes()
	q.o.mu.Lock()
	defer q.o.mu.Unlock()
	q.o.vain, q.o.spurns = 0, 0
	q.o.took = q.o.p.now()
	q.o.blamed = append(q.o.blamed, q.o.suspects.before(s.begun)...)
	q.o.wakeUp()
}

// takesEnvelopes notes that the destination takes them: those that it refused are tried once more, now that the answer will tell
// something.
func (q refusals) takesEnvelopes() {
	q.o.mu.Lock()
	defer q.o.mu.Unlock()
	q.o.refused = 0
	q.o.accepts++
	q.o.queue = append(q.o.queue, q.o.waiting...)
	q.o.waiting, q.o.forGood = nil, true
}

// refusedEnvelope keeps a message as it was. Several in a row mean that the destination, or our setting of it, is wrong.
func (q refusals) refusedEnvelope(s *sending, result *error) {
	q.o.mu.Lock()
	defer q.o.mu.Unlock()
	q.o.lastRefusal, q.o.forGood = *result, q.o.forGood && verdict.Permanent(*result)
	if q.o.refused++; q.o.refused >= MaxRefused || q.o.resting {
		q.o.failAnew(q.refusing())
	} else if !s.again {
		s.since = q.o.accepts
	}
	*result = &unjudgedError{*result}
}

// refusing is the error of a destination that refuses what nobody could see a fault in. For good only if each of them was, and
// if it has not taken mail of late: what it took yesterday it may take tomorrow.
// o.mu is held.
func (q refusals) refusing() error {
	e := &deliver.Error{Op: "send to", Place: q.o.place.Name, Scope: deliver.WholeTarget, Err: q.o.lastRefusal,
		Permanent: q.o.forGood && !q.o.tookSince(q.o.p.now().Add(-health.Trusted).Unix()),
		Hint:      "check what is set for this destination; nothing is lost and nothing goes to the fallback"}
	if q.o.refused >= MaxRefused {
		e.Err = fmt.Errorf("it refused the envelopes of several messages in a row, the last: %w", q.o.lastRefusal)
	}
	return &refusesError{e}
}

// comeBack lets a refused message be tried again, now that the ledger has its refusal: sooner, another lane could enter
// what came of the second try before it. o.mu is held.
func (q refusals) comeBack(s *sending) {
	if s.since == 0 {
		return
	}
	again := *s
	again.again, again.since = true, 0
	if s.since < q.o.accepts { // another one was accepted meanwhile
		q.o.queue = append(q.o.queue, again)
	} else {
		q.o.waiting = append(q.o.waiting, again)
	}
}

// unjudgedError marks a refusal that is not the message's fault as far as anybody can tell: it is charged to nobody.
type unjudgedError struct{ err error }

func (e *unjudgedError) Error() string { return e.err.Error() }
func (e *unjudgedError) Unwrap() error { return e.err }

func unjudged(err error) bool {
	var e *unjudgedError
	return errors.As(err, &e)
}

// refusedDelivery reports a delivery that did not succeed, was charged or not.
func (u round) refusedDelivery(was, is uidl.Delivery, err error) {
	if errors.Is(err, context.Canceled) {
		return // the pass was told to end: nobody refused anything
	}
	u.p.Obs.Reason(err.Error())
	if is.Attempts == was.Attempts && is.InDoubt == was.InDoubt {
		u.p.Log.Debug("not taken", zap.String("uid", words.Quote(was.Key.UID)), zap.String("destination", was.Destination), zap.String("reason", words.Clip(err.Error())))
		return
	}
	u.p.Obs.FailedAt(was.Key, words.Clip(err.Error()), is.Parked(), is.Parked() && !was.Parked())
}
