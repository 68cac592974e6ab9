package main

import (
	"sync"
	"time"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/schedule"
)

// speed measures how fast a pass gets on: by what its server sends, whatever the reason.
type speed struct {
	least  float64       // octets a second
	window time.Duration // that is looked at
	began  time.Time

	mu     sync.Mutex
	octets int64
	since  time.Time // when the window that is open began
	before int64     // octets until then
	slow   bool      // in the one before
}

func newSpeed(l config.Limits) *speed {
	now := time.Now()
	return &speed{least: float64(l.SlowRate), window: l.SlowAfter / 4, began: now, since: now}
}

// add takes in what came.
func (s *speed) add(octets int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.octets += int64(octets)
}

// slowly tells whether the pass was too slow lately. It is asked now and then.
func (s *speed) slowly() bool {
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
func (s *speed) brisk() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	took := time.Since(s.began)
	return took < s.window || float64(s.octets) >= s.least*took.Seconds()
}

// watch has the speed measured, and the pass tell whether the next one begins in the slow lane. inSlow tells whether this one
// is there by now.
func (s *speed) watch(acc *fetcher.Account, o *fetcher.Options, inSlow func() bool) {
	acc.Server.Received = s.add
	o.Slow = func(well bool) bool { return inSlow() && !(well && s.brisk()) }
}

// resultOf is what a pass says to the loop about the next one.
func (s *speed) resultOf(rep fetcher.Report) schedule.Result {
	well := rep.Verdict.Class == fetcher.OK
	if rep.Yielded { // a long pass that got on goes on among the others, in its turn
		return schedule.Result{NotBefore: rep.NextTry, Soon: true, Brisk: rep.New > 0 && s.brisk(), Errand: rep.NextSend}
	}
	return schedule.Result{
		NotBefore: rep.NextTry, Again: rep.Verdict.Class == fetcher.Temporary,
		Soon: rep.PassTime && well, Brisk: well && !rep.Slow && !rep.Untried, Errand: rep.NextSend,
	}
}

// joined is the report of a pass that went on after it had made room for others.
func joined(first, rest fetcher.Report) fetcher.Report {
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
	return rest
}
