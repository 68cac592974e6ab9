package schedule

import (
	"context"
	"errors"
	"time"
)

// Entry is one recurring job.
//
// It is due at the first time of its schedule after its last start, but not before Gap and NotBefore allow. Whatever
// passed meanwhile (downtime, a suspended machine, a clock put forward, a failure's wait, a run longer than its
// interval) is thus made up by one run, never by several.
type Entry struct {
	Name     string // unique; of entries with the same name the last one counts
	Host     string // counts towards the limits per host; "": towards none
	Schedule Schedule
	Location *time.Location // in which a schedule without a time zone is read; nil: time.Local

	// Jitter spreads runs of equal schedules: each time of a cron schedule is later by an offset in [0, Jitter), the same
	// always, from a hash of Name. 0: none.
	Jitter time.Duration
	// Spread is the same for runs that come at no time of the schedule: AtStart, those that make up for missed ones, and
	// the first of @every, which afterwards keeps its distance by itself. 0: Jitter.
	Spread  time.Duration
	Gap     time.Duration // least time between two starts; 0: none
	PerHost int           // limit of runs at once on Host that is known of it, beside Options.PerHost; 0: none
	AtStart bool          // when first set run once, whatever the schedule says (after Gap and NotBefore)

	// The following are read when the name is first set. From then on the loop knows better.
	Last      time.Time // when it last started, as stored; zero: never, and then @every is due at once, cron at its next time
	NotBefore time.Time // a failure's wait, as stored; zero: none
	Errand    time.Time // when an errand is due, as stored; zero: none
	Paused    bool
	Slow      bool // its next run begins in the slow lane, as stored

	Version string // opaque; when it changes the configuration has, and NotBefore no longer holds

	// Run is called on a goroutine of its own, never twice at once for one name. Its context ends with the loop's, or
	// with the cause ErrRemoved or ErrMoved. asked: a person said Wake. IsErrand tells by the context why it is called.
	Run func(ctx context.Context, asked bool) Result

	// Slowly tells whether the run that goes on gets on so slowly that it has to give its place away if others wait. It is
	// asked now and then once a quarter of Options.SlowAfter is over, and must not block or call the loop; nil: never.
	Slowly func() bool
}

// Result is what a run says about the next one.
type Result struct {
	NotBefore time.Time // not again before this; zero: the schedule alone decides
	Again     bool      // it failed: run at NotBefore if the schedule would be more than 15 minutes later
	Soon      bool      // there is more to do: once more as soon as Gap, NotBefore and the others allow
	Brisk     bool      // it got on well: the next run begins in an ordinary place, wherever this one ended

	// Errand is when to run for an errand, unless a run comes before: whatever the schedule, Gap, NotBefore and the limits of
	// the host say, but never while paused. It counts for no start, and of what it says only Errand does. Zero: none.
	Errand time.Time
}

// ErrRemoved is the cause with which the context of a job ends that Set has removed.
var ErrRemoved = errors.New("removed from the schedule")

// ErrUnknown means that no entry has this name.
var ErrUnknown = errors.New("no such job")
