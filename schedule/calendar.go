package schedule

import (
	"time"

	"github.com/robfig/cron/v3"
)

// Schedule is a checked schedule. Only Parse makes one; the zero value never fires.
type Schedule struct {
	spec string
	next cron.Schedule
	zone *time.Location // that the schedule names, or that In gave it; nil: that of the time asked about
}

// String returns the text that was parsed.
func (s Schedule) String() string { return s.spec }

// In gives the same schedule with its fields read in loc, unless it names a time zone of its own.
func (s Schedule) In(loc *time.Location) Schedule {
	if s.zone == nil {
		s.zone = loc
	}
	return s
}

// Next returns the first time after t at which the schedule fires, in t's time zone. Its fields are read in the zone
// that the schedule names, else in the one that In gave it, else in t's. The zero time means never.
func (s Schedule) Next(t time.Time) time.Time {
	switch next := s.next.(type) {
	case cron.ConstantDelaySchedule:
		return t.Add(next.Delay)
	case *cron.SpecSchedule:
		loc := s.zone
		if loc == nil {
			loc = t.Location()
		}
		if at := calendar(next, t.In(loc)); !at.IsZero() {
			return at.In(t.Location())
		}
	}
	return time.Time{}
}

// interval gives the time after @every, which counts from the last run and knows no calendar; 0: another schedule.
func (s Schedule) interval() time.Duration {
	every, _ := s.next.(cron.ConstantDelaySchedule)
	return every.Delay
}

// calendar finds the first match after t in t's time zone. The library is asked in UTC only, once for each stretch of
// time in which the zone keeps its distance from UTC: across a change its answers are wrong now and then (a day that
// wasn't asked for, or none, where clocks change at midnight or by half an hour).
func calendar(fields *cron.SpecSchedule, t time.Time) time.Time {
	const hours = 1<<24 - 1
	named := fields.Hour&hours != hours // not every hour: the package comment has the rules
	for after := wall(t, t); ; {
		start, end := t.ZoneBounds()
		if !end.IsZero() && !end.After(t) {
			end = t.Add(24 * time.Hour) // Go 1.26 is wrong on the last day of leap years from 2040 on
		}
		if named && !start.IsZero() {
			if again := wall(start, start.Add(-1)).Add(-1); again.After(after) {
				after = again // the clock was put back: until then it shows what it has shown before
			}
		}
		match := search(fields, after)
		if match.IsZero() {
			return match
		}
		_, offset := t.Zone()
		at := time.Unix(match.Unix()-int64(offset), 0).In(t.Location())
		if end.IsZero() || at.Before(end) {
			return at
		}
		if named && match.Before(wall(end, end)) {
			return end // the clock was put forward over it
		}
		t, after = end, wall(end, end).Add(-1)
	}
}

// wall gives what a clock shows at t, as a time in UTC, when it is as far from UTC as at like.
func wall(t, like time.Time) time.Time {
	_, offset := like.Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second)
}

// search asks the library, which gives up after five years: between two leap days there may be eight.
func search(fields *cron.SpecSchedule, after time.Time) time.Time {
	match := fields.Next(after)
	if match.IsZero() {
		match = fields.Next(after.AddDate(5, 0, 0))
	}
	return match
}
