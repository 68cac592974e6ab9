package schedule

import (
	"slices"
	"strings"
	"time"
)

// State tells where an entry stands.
type State struct {
	Name      string
	Next      time.Time // when it is due, or was if it waits; zero: it runs, is paused, or its schedule has no more times
	Last      time.Time // when it last started; zero: never
	Running   bool
	Waiting   bool      // due, but for a place among Options.Parallel or at its host
	Since     time.Time // since when it runs or waits; zero: neither
	Paused    bool      // it may run all the same: somebody asked by name, or it had begun
	NotBefore time.Time // a failure's wait; zero: none
	Slow      bool      // it is in the slow lane, or begins there next
}

// State tells where all entries stand, by name. What was removed isn't among them, even if it still runs.
func (l *Loop) State() []State {
	l.mu.Lock()
	defer l.mu.Unlock()
	states := make([]State, 0, len(l.jobs))
	for _, j := range l.jobs {
		if j.gone {
			continue
		}
		s := State{
			Name: j.Name, Next: j.due, Last: j.last, Running: j.run != nil, Waiting: j.waits(),
			Paused: j.paused, NotBefore: j.notBefore,
			Slow: j.slow || j.run != nil && j.run.slow.Load(),
		}
		if j.onErrand && !s.Waiting {
			s.Next = j.next(l.now(), false)
		}
		if s.Running {
			s.Since = j.last
		} else if s.Waiting {
			s.Since = j.due
		}
		states = append(states, s)
	}
	slices.SortFunc(states, func(a, b State) int { return strings.Compare(a.Name, b.Name) })
	return states
}
