package schedule

import (
	"crypto/sha256"
	"encoding/binary"
	"time"
)

// seldom is from how long on a wait for the schedule is too long for what failed and may be tried again.
const seldom = 15 * time.Minute

// tolerance is how far a clock may be off before it matters.
const tolerance = time.Minute

// job is an Entry and where it stands. It is in one of four states: idle (in the loop's pile of due times, or nowhere if
// nothing is to come), waiting for a place (at its host), running, or gone while its last run still ends.
type job struct {
	Entry
	schedule Schedule      // in its location
	offset   time.Duration // of Jitter
	spread   time.Duration // of Spread

	last      time.Time // start
	since     time.Time // when first set: what the schedule counts from as long as it has never run
	notBefore time.Time
	again     bool // at notBefore, whatever the schedule says
	paused    bool
	asked     bool      // by a person
	owed      bool      // one run, whatever the schedule says
	gone      bool      // removed while it runs
	slow      bool      // its next run begins in the slow lane
	errand    time.Time // zero: none
	onErrand  bool      // what it is due for is that

	due     time.Time // zero: never
	dueAt   int       // place in Loop.due
	queue   *host     // where it waits; nil: it doesn't
	queueAt int       // place in queue.waiting
	slowAt  int       // place in Loop.slow; 0: it doesn't wait there
	run     *run      // nil: it doesn't run
}

// waits tells that the job is due and waits for a place.
func (j *job) waits() bool { return j.queue != nil || j.slowAt > 0 }

// next tells when the job is due. With spread, a time that has passed is made up a little later than now.
func (j *job) next(now time.Time, spread bool) time.Time {
	if j.asked {
		return now
	}
	from := j.last
	if from.IsZero() {
		from = j.since
	}
	due := j.after(from)
	if j.again && !j.notBefore.IsZero() && (due.IsZero() || due.Sub(j.notBefore) > seldom) {
		due = j.notBefore
	}
	if j.owed || spread && !due.IsZero() && due.Before(now) {
		due = now.Add(j.spread)
		if regular := j.after(now); !regular.IsZero() && regular.Before(due) {
			due = regular // which makes it up as well
		}
	}
	if due.IsZero() {
		return due
	}
	if end := j.last.Add(j.Gap); !j.last.IsZero() && end.After(due) {
		due = end
	}
	if j.notBefore.After(due) {
		due = j.notBefore
	}
	return due
}

// after gives the schedule's first time after t, with the job's offset.
func (j *job) after(t time.Time) time.Time {
	next := j.schedule.Next(t.Add(-j.offset))
	if next.IsZero() {
		return next
	}
	return next.Add(j.offset)
}

// distrust drops times that only a wrong clock can have set: a start in the future counts as now, and a failure doesn't
// wait longer than maxWait.
func (j *job) distrust(now time.Time, maxWait time.Duration) {
	limit := now.Add(tolerance)
	if j.last.After(limit) {
		j.last = now
	}
	if j.since.After(limit) {
		j.since = now
	}
	if j.notBefore.After(now.Add(maxWait)) {
		j.notBefore = time.Time{}
	}
	if j.errand.After(now.Add(maxWait)) {
		j.errand = time.Time{}
	}
}

// offset is where in [0, jitter) the name falls.
func offset(name string, jitter time.Duration) time.Duration {
	if jitter <= 0 {
		return 0
	}
	sum := sha256.Sum256([]byte(name))
	return time.Duration(binary.BigEndian.Uint64(sum[:]) % uint64(jitter))
}
