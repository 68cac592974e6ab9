package fetcher

import (
	"context"
	"errors"
	"fmt"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/uidl"
)

// maxRefused is how many envelopes in a row a destination may refuse before that is taken for its own fault.
const maxRefused = 3

// learn looks at what Publish said before it is entered: it is here that a refusal is told to be the message's fault or
// the destination's. result is changed to what is to be entered.
//
// A refusal before the content was sent says little: the sender, the recipient, our address or a setting may be meant.
// It is the message's own only if the same recipients were accepted for another one.
func (o *outbox) learn(s *sending, result *error) error {
	var e *deliver.Error
	switch {
	case *result == nil:
		o.accepted()
		return nil
	case !errors.As(*result, &e) || e.Scope == deliver.WholeTarget:
		if e != nil {
			o.d.failPublishing(*result)
		}
		return nil
	case e.Uncertain:
		return nil
	case e.Envelope && e.Rest != "":
		o.accepted() // by the other recipients; the message waits for these, and no fallback gets it for them
		return nil
	case e.Envelope && !e.Vouched:
		o.refusedEnvelope(s, result)
		return nil
	case e.Envelope:
		o.mu.Lock()
		o.refused++
		many := o.refused >= maxRefused // it took others, and takes none any more
		o.mu.Unlock()
		if many {
			o.refusedEnvelope(s, result)
			return nil
		}
	default:
		o.accepted()
	}
	if e.Permanent && !o.d.Optional {
		return o.divert(s, result)
	}
	return nil
}

// accepted notes that the destination takes envelopes: those that it refused are tried once more, now that the answer
// will tell something.
func (o *outbox) accepted() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.refused = 0
	o.accepts++
	o.queue = append(o.queue, o.waiting...)
	o.waiting = nil
}

// refusedEnvelope keeps a message as it was. Several in a row mean that the destination, or our setting of it, is wrong.
func (o *outbox) refusedEnvelope(s *sending, result *error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.refused++; o.refused >= maxRefused {
		o.d.failPublishing(&deliver.Error{Op: "send to", Place: o.d.Name, Scope: deliver.WholeTarget,
			Err:  fmt.Errorf("%w, the last: %w", errRefusing, *result),
			Hint: "check from, to and the login of this destination; nothing is lost and nothing goes to the fallback"})
	} else if !s.again {
		s.since = o.accepts
	}
	*result = &envelopeError{*result}
}

// comeBack lets a refused message be tried again, now that the ledger has its refusal: sooner, another lane could enter
// what came of the second try before it. o.mu is held.
func (o *outbox) comeBack(s *sending) {
	if s.since == 0 {
		return
	}
	again := *s
	again.again, again.since = true, 0
	if s.since < o.accepts { // another one was accepted meanwhile
		o.queue = append(o.queue, again)
	} else {
		o.waiting = append(o.waiting, again)
	}
}

// envelopeError marks a refusal that is not the message's fault as far as anybody can tell: it is charged to nobody.
type envelopeError struct{ err error }

func (e *envelopeError) Error() string { return e.err.Error() }
func (e *envelopeError) Unwrap() error { return e.err }

func unjudged(err error) bool {
	var e *envelopeError
	return errors.As(err, &e)
}

// refusedDelivery reports a delivery that did not succeed, was charged or not.
func (p *pass) refusedDelivery(was, is uidl.Delivery, err error) {
	if errors.Is(err, context.Canceled) {
		return // the pass was told to end: nobody refused anything
	}
	p.reason(err.Error())
	if is.Attempts == was.Attempts {
		return
	}
	p.count(func(r *Report) {
		r.Failed++
		if is.Attempts >= maxAttempts && was.Attempts < maxAttempts {
			r.NewlyParked++
		}
	})
	p.logFailed(was.Key, clip(err.Error()), is.Attempts >= maxAttempts)
}
