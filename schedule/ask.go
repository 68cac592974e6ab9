package schedule

import (
	"slices"
	"time"
)

// Wake makes jobs due now, whatever their schedule, Gap and NotBefore say; they still wait for a place. Without names
// that is all but the paused ones; a paused one that is named runs once and stays paused. One that runs is run once
// more afterwards: what made somebody ask may be newer than the run. It returns the names that it doesn't know.
func (l *Loop) Wake(names ...string) (unknown []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if len(names) == 0 {
		for _, j := range l.jobs {
			if !j.paused {
				l.ask(j, now)
			}
		}
	}
	for _, name := range names {
		if j := l.jobs[name]; j != nil && !j.gone {
			l.ask(j, now)
		} else if !slices.Contains(unknown, name) {
			unknown = append(unknown, name)
		}
	}
	l.wake()
	return unknown
}

// ask leaves a job that waits for a place where it is in the line.
func (l *Loop) ask(j *job, now time.Time) {
	if j.gone {
		return
	}
	j.asked = true
	if !j.waits() {
		l.plan(j, now, false)
	}
}

// Pause makes a job wait until it is resumed, except for Wake with its name. A run that goes on is left alone. One that
// is resumed makes up for the times that it missed by one run. The error is ErrUnknown.
func (l *Loop) Pause(name string, paused bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	j := l.jobs[name]
	if j == nil || j.gone {
		return ErrUnknown
	}
	if j.paused == paused {
		return nil
	}
	j.paused = paused
	if paused {
		j.asked = false
	}
	l.plan(j, l.now(), true)
	l.wake()
	return nil
}
