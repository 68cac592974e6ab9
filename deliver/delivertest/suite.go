// Package delivertest holds what every deliver.Target must do, as a suite of checks, and Memory, a Target for the tests
// of those who use one. A new Target joins the suite with
//
//	func TestConformance(t *testing.T) {
//		delivertest.Run(t, func(t testing.TB) delivertest.Harness { return delivertest.Harness{...} })
//	}
//
// The suite is for tests only and fixes no order in which checks run. It does not cut the power: that a sync happens at
// all can only be seen from outside.
package delivertest

import (
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/popsync/popsync/deliver"
)

// Harness is one fresh place and the ways to look behind it. Open, Visible and Staged are required.
type Harness struct {
	// Open returns a new Target over the same place, as a process that starts after a crash would. Identify was not
	// called yet. The suite closes the last one; what a crash would leave open stays open.
	Open func(t testing.TB) deliver.Target
	// Visible returns the bodies that a reader of the destination sees, in any order.
	Visible func(t testing.TB) []string
	// Sequence returns them in the order in which they became visible; nil: the destination does not tell.
	Sequence func(t testing.TB) []string
	// Staged returns the staged bytes that a ticket names, and whether there are any.
	Staged func(t testing.TB, ticket deliver.Ticket) (string, bool)
	// Places counts the staging places in use, with or without a ticket; nil: cannot be counted.
	Places func(t testing.TB) int
	// Damage changes the staged bytes of a ticket; nil: damage is not looked for.
	Damage func(t testing.TB, ticket deliver.Ticket)
	// Stored is what a message with CRLF line ends becomes; nil: what was written.
	Stored func(body string) string
	// States are further states that a crash within Publish, or a reader after it, may leave a prepared ticket in. Each
	// brings one ticket there; the message must be visible exactly once after the next Publish.
	States map[string]func(t testing.TB, ticket deliver.Ticket)

	// Look describes all that is at the place, so that a change can be noticed; nil: not looked at.
	Look func(t testing.TB) string
	// Move brings the place to another path or address, where Open opens it from then on; nil: it cannot move.
	Move func(t testing.TB)
	// Others are identities of places that this one must not be taken for.
	Others []string
	// Refuse makes the next Publish of a ticket by this Target fail: for certain and before anything is visible, or, late,
	// of what is not remote, after the message became visible; nil: cannot be done.
	Refuse func(t testing.TB, target deliver.Target, ticket deliver.Ticket, late bool)
	// Aside counts the messages that were set aside; required for a deliver.Setter.
	Aside func(t testing.TB) int
}

func (h Harness) look(t testing.TB) string {
	if h.Look == nil {
		return ""
	}
	return h.Look(t)
}

func (h Harness) stored(body string) string {
	if h.Stored == nil {
		return body
	}
	return h.Stored(body)
}

// Run runs all checks, each over a place of its own that open makes.
func Run(t *testing.T, open func(t testing.TB) Harness) {
	for _, c := range checks() {
		t.Run(c.name, func(t *testing.T) { c.run(t, open(t)) })
	}
}

// Failures runs all checks without failing t and returns the names of those that failed: for proving that the suite
// notices a broken Target.
func Failures(t *testing.T, open func(t testing.TB) Harness) []string {
	var failed []string
	for _, c := range checks() {
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

// recorder is a testing.TB whose failures stay with it.
type recorder struct {
	testing.TB
	failed atomic.Bool
}

func (r *recorder) Helper()               {}
func (r *recorder) Fail()                 { r.failed.Store(true) }
func (r *recorder) Failed() bool          { return r.failed.Load() }
func (r *recorder) FailNow()              { r.failed.Store(true); runtime.Goexit() }
func (r *recorder) Error(...any)          { r.Fail() }
func (r *recorder) Errorf(string, ...any) { r.Fail() }
func (r *recorder) Fatal(...any)          { r.FailNow() }
func (r *recorder) Fatalf(string, ...any) { r.FailNow() }
func (r *recorder) Skip(...any)           { runtime.Goexit() }
func (r *recorder) Skipf(string, ...any)  { runtime.Goexit() }
func (r *recorder) SkipNow()              { runtime.Goexit() }

type check struct {
	name string
	run  func(t testing.TB, h Harness)
}

func checks() []check {
	return []check{
		{"staging is invisible", stagingIsInvisible},
		{"bytes are kept", bytesAreKept},
		{"tickets are short lines", ticketsAreShortLines},
		{"published in order", publishedInOrder},
		{"publish is idempotent", publishIsIdempotent},
		{"publish after a crash", publishAfterACrash},
		{"publish from every state", publishFromEveryState},
		{"published before another", publishedBeforeAnother},
		{"damage is noticed", damageIsNoticed},
		{"damage stops no other", damageStopsNoOther},
		{"discard", discard},
		{"abort", abort},
		{"identity", identity},
		{"identity is required", identityIsRequired},
		{"recognised", recognised},
		{"another place", anotherPlace},
		{"moved", moved},
		{"remote", remote},
		{"untouched", untouched},
		{"set aside", setAside},
		{"cancelled context", cancelledContext},
		{"staging while preparing", stagingWhilePreparing},
		{"free space", freeSpace},
	}
}
