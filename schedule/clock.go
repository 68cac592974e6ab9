package schedule

import "time"

// checkClock compares the wall clock with the monotonic one since the last turn. They part when the clock is set, and when
// the machine was suspended, while the monotonic clock stands still.
func (l *Loop) checkClock(now time.Time) {
	mono := time.Now()
	look, slip := l.look, now.Sub(l.look)-mono.Sub(l.mono)
	l.look, l.mono = now, mono
	switch {
	case look.IsZero():
	case slip > tolerance:
		l.wentForward(now)
	case slip < -tolerance:
		l.wentBack(now, slip)
	}
}

// wentForward plans all that has become due at once at each job's own offset from now.
func (l *Loop) wentForward(now time.Time) {
	var passed []*job
	for {
		j, ok := l.due.head()
		if !ok || j.due.After(now) {
			break
		}
		l.due.drop(j)
		passed = append(passed, j)
	}
	for _, j := range passed {
		l.plan(j, now, true)
	}
}

// wentBack keeps jobs from standing still until the clock has caught up. What was noted by the clock as it was moves back
// with it, so that @every and the waits of failures go on as if nothing had happened; a calendar starts again from now.
func (l *Loop) wentBack(now time.Time, slip time.Duration) {
	for _, j := range l.jobs {
		if j.last.After(now) && j.schedule.interval() > 0 {
			j.last = j.last.Add(slip)
		} else if j.last.After(now) {
			j.last = now
		}
		if j.since.After(now) {
			j.since = now
		}
		if j.notBefore.After(now) {
			j.notBefore = j.notBefore.Add(slip)
		}
		if j.errand.After(now) {
			j.errand = j.errand.Add(slip)
		}
	}
	for _, j := range l.jobs {
		if !j.waits() {
			l.plan(j, now, true)
		}
	}
	for _, j := range l.jobs {
		if j.waits() {
			j.due = j.due.Add(slip) // the same for all: their order stays
		}
	}
}
