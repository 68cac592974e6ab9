// Package schedule decides when jobs run, how many at once, and how long failures wait. It knows nothing of mail.
//
// Schedules are cron with five fields (minute, hour, day of month, month, day of week), the usual names such as
// @daily, and "@every 10m". There are no seconds, no @reboot, and a schedule that would never fire is refused.
//
// Clocks are put forward and back. A schedule for every hour ("*" in the second field, @hourly) goes by the clock as it
// is: what it doesn't show is left out, what it shows twice fires twice. A schedule that names hours (also "*/2")
// loses no run and doubles none: times that are jumped over fire once, at the moment of the change, and times that come
// twice fire the first time only. @every knows no clock.
package schedule

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// reference is from when on a schedule must fire within five years: the 29th of February is among them.
var reference = time.Date(2023, time.January, 1, 0, 0, 0, 0, time.UTC)

// ParseIn reads a schedule whose fields are those of a time zone: see Schedule.In. "": that of this machine.
func ParseIn(spec, zone string) (Schedule, error) {
	s, err := Parse(spec)
	if err != nil {
		return s, fmt.Errorf("schedule: %w", err)
	}
	loc := time.Local
	if zone != "" {
		if loc, err = time.LoadLocation(zone); err != nil {
			return s, fmt.Errorf("timezone: %w", err)
		}
	}
	return s.In(loc), nil
}

// Parse reads a schedule. Its errors are for people and may repeat parts of spec.
func Parse(spec string) (Schedule, error) {
	if err := check(spec); err != nil {
		return Schedule{}, err
	}
	next, err := parse(spec)
	if err != nil {
		return Schedule{}, explain(spec, err)
	}
	s := Schedule{spec: spec, next: next}
	if c, ok := next.(*cron.SpecSchedule); ok {
		if c.Location != time.Local { // the library's word for none
			s.zone = c.Location
		}
		c.Location = time.UTC
	}
	if s.Next(reference).IsZero() {
		return Schedule{}, errors.New("it never fires: there is no such day")
	}
	return s, nil
}

// parse calls the library, which panics on some malformed time zones.
func parse(spec string) (s cron.Schedule, err error) {
	defer func() {
		if recover() != nil {
			s, err = nil, errors.New("malformed")
		}
	}()
	p := cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor)
	return p.Parse(spec)
}

// check refuses what the library would take for something else than it says.
func check(spec string) error {
	rest := spec
	if zone, ok := cutZone(spec); ok {
		name, after, found := strings.Cut(zone, " ")
		if name == "" || !found {
			return errors.New("a time zone is written CRON_TZ=Europe/Paris, followed by a space and the schedule")
		}
		rest = strings.TrimSpace(after)
	}
	if every, ok := strings.CutPrefix(rest, "@every "); ok {
		d, err := time.ParseDuration(strings.TrimSpace(every))
		if err != nil {
			return errors.New(`after @every comes a time with its unit, such as "90s", "10m" or "1h30m"`)
		}
		if d < time.Second || d%time.Second != 0 {
			return errors.New("@every takes whole seconds, at least 1s")
		}
		return nil
	}
	if strings.HasPrefix(rest, "@") {
		return nil
	}
	switch n := len(strings.Fields(rest)); {
	case n == 6:
		return errors.New("six fields instead of five: there is none for seconds")
	case n != 5:
		return fmt.Errorf("%d fields instead of five: minute, hour, day of month, month, day of week", n)
	}
	return nil
}

func cutZone(spec string) (after string, ok bool) {
	if after, ok = strings.CutPrefix(spec, "CRON_TZ="); ok {
		return after, true
	}
	return strings.CutPrefix(spec, "TZ=")
}

// explain adds what to do about a refusal of the library where that is known.
func explain(spec string, err error) error {
	fields := strings.Fields(spec)
	if strings.HasPrefix(spec, "@") || len(fields) < 5 {
		return err
	}
	days := strings.FieldsFunc(fields[len(fields)-1], func(r rune) bool { return strings.ContainsRune(",-/", r) })
	for _, d := range days {
		if d == "7" {
			return fmt.Errorf("%w; Sunday is 0, not 7", err)
		}
	}
	return err
}
