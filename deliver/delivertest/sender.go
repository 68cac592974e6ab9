package delivertest

import (
	"testing"

	"github.com/popsync/popsync/deliver"
)

// SenderBench is one fresh remote destination and the ways to look at it. Open and Arrived are required.
type SenderBench struct {
	// Open returns another Sender to the same destination. The suite closes it.
	Open func(t testing.TB) deliver.Sender
	// Arrived returns the messages that the destination has taken, in any order: all of which a Send returned nil.
	Arrived func(t testing.TB) []Arrival
	// Stored is what a body becomes by the Sender's line-end rule; taken is false when it must be refused for good
	// instead, with an error about this message. nil: all is taken as it is. What else the Sender adds, such as trace
	// headers, must be switched off or not be in Arrival.Body.
	Stored func(body string) (stored string, taken bool)
}

// Arrival is one message at a destination, with as much as it tells; empty fields are not compared.
type Arrival struct {
	Body    string
	ID      string
	Account string
	UID     string
}

func (b SenderBench) stored(body string) (string, bool) {
	if b.Stored == nil {
		return body, true
	}
	return b.Stored(body)
}

// RunSender runs all checks of a deliver.Sender, each over a destination of its own that open makes. A new Sender joins
// with
//
//	func TestConformance(t *testing.T) {
//		delivertest.RunSender(t, func(t testing.TB) delivertest.SenderBench { return delivertest.SenderBench{...} })
//	}
func RunSender(t *testing.T, open func(t testing.TB) SenderBench) {
	for _, c := range senderChecks() {
		t.Run(c.name, func(t *testing.T) { c.run(t, open(t)) })
	}
}

// SenderFailures is Failures for RunSender.
func SenderFailures(t *testing.T, open func(t testing.TB) SenderBench) []string {
	var failed []string
	for _, c := range senderChecks() {
		r := &recorder{TB: t}
		done := make(chan struct{})
		go func() {
			defer close(done)
			c.run(r, open(r))
		}()
		<-done
		if r.failed.Load() {
			failed = append(failed, c.name)
		}
	}
	return failed
}

type senderCheck struct {
	name string
	run  func(t testing.TB, b SenderBench)
}

func senderChecks() []senderCheck {
	return []senderCheck{
		{"bodies arrive", bodiesArrive},
		{"a large message", largeMessage},
		{"many on one sender", manyOnOneSender},
		{"failing body", failingBody},
		{"body of another length", bodyOfAnotherLength},
		{"cancelled before", cancelledBefore},
		{"cancelled within", cancelledWithin},
		{"all lanes at once", allLanesAtOnce},
		{"two senders at once", twoSendersAtOnce},
		{"id and message", idAndMessage},
		{"tried again", triedAgain},
		{"the next is known", nextIsKnown},
		{"place, lanes and close", placeLanesClose},
	}
}
