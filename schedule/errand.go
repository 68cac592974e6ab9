package schedule

import (
	"context"
	"time"
)

type errandKey struct{}

// IsErrand tells whether a run is an errand: see Result.Errand. ctx is the one that it was given, or one made of that.
func IsErrand(ctx context.Context) bool { return ctx.Value(errandKey{}) != nil }

// dueErrand is when the job is due for an errand; zero: never, or a run comes before it.
func (j *job) dueErrand(run time.Time) time.Time {
	if j.errand.IsZero() || j.paused || !run.IsZero() && !j.errand.Before(run) {
		return time.Time{}
	}
	return j.errand
}

// lineUp gives the host that a job that is due waits at. An errand asks nothing of its own.
func (l *Loop) lineUp(j *job) *host {
	if j.onErrand {
		return l.hosts.get("")
	}
	return l.hosts.get(j.Host)
}
