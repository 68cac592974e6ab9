// Package pace measures how fast a pass gets on, for the schedule: what is slow makes room for others, and begins in the slow lane
// the next time. It decides nothing about either; schedule does.
package pace

import (
	"sync"
	"time"

	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/schedule"
)

// Meter measures how fast a pass gets on: by what its server sends, whatever the reason.
type Meter struct {
	least  float64       // octets a second
	window time.Duration // that is looked at
	began  time.Time

	mu     sync.Mutex
	octets int64
	since  time.Time // when the window that is open began
	before int64     // octets until then
	slow   bool      // in the one before
}

// New begins to measure. A pass is slow that gets less than rate octets a second, and makes room for others after a time.
func New(rate int, after time.Duration) *Meter {
	now := time.Now()
	return &Meter{least: float64(rate), window: after / 4, began: now, since: now}
}

// add takes in what came.
func (s *Meter) add(octets int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.octets += int64(octets)
}

// Slowly tells whether the pass was too slow lately. It is asked now and then.
func (s *Meter) Slowly() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if took := now.Sub(s.since); took >= s.window {
		s.slow = float64(s.octets-s.before) < s.least*took.Seconds()
		s.since, s.before = now, s.octets
	}
	return s.slow
}

// brisk tells whether the pass as a whole was fast enough, or so short that it does not matter.
func (s *Meter) brisk() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	took := time.Since(s.began)
	return took < s.window || float64(s.octets) >= s.least*took.Seconds()
}

// Watch has the speed measured, and the pass tell whether the next one begins in the slow lane. inSlow tells whether this one
// is there by now.
func (s *Meter) Watch(acc *fetcher.Account, o *fetcher.Options, inSlow func() bool) {
	acc.Server.Received = s.add
	o.Slow = func(well bool) bool { return inSlow() && !(well && s.brisk()) }
}

// ResultOf is what a pass says to the loop about the next one.
func (s *Meter) ResultOf(rep fetcher.Report) schedule.Result {
	well := rep.Verdict.Class == verdict.OK
	if rep.Yielded { // a long pass that got on goes on among the others, in its turn
		return schedule.Result{NotBefore: rep.NextTry, Soon: true, Brisk: rep.New > 0 && s.brisk(), Errand: rep.NextSend}
	}
	return schedule.Result{
		NotBefore: rep.NextTry, Again: rep.Verdict.Class == verdict.Temporary,
		Soon: rep.PassTime && well, Brisk: well && !rep.Slow && !rep.Untried, Errand: rep.NextSend,
	}
}

// Joined is the report of a pass that went on after it had made room for others.
func Joined(first, rest fetcher.Report) fetcher.Report {
	if first.Account == "" {
		return rest
	}
	rest.Duration += rest.Started.Sub(first.Started)
	rest.Started = first.Started
	rest.New += first.New
	rest.Bytes += first.Bytes
	rest.Deleted += first.Deleted
	rest.Quarantined += first.Quarantined
	rest.Recovered += first.Recovered
	rest.Adopted += first.Adopted
	rest.Rebuilt += first.Rebuilt
	rest.Settled += first.Settled
	return rest
}
