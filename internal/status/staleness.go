package status

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/popsync/popsync/schedule"
)

// Staleness is how old a last success may be: so many intervals of the schedule, or Age if that is not 0. It is a flag's value.
type Staleness struct {
	Intervals int
	Age       time.Duration
}

const (
	// staleFloor: accounts with short intervals may be late by a slow server or a large mail.
	staleFloor   = 15 * time.Minute
	maxIntervals = 100
)

// String is the value as it is typed.
func (s *Staleness) String() string {
	if s.Age > 0 {
		return s.Age.String()
	}
	return strconv.Itoa(s.Intervals)
}

// Type names the value in the help.
func (*Staleness) Type() string { return "N|DURATION" }

// Set implements pflag.Value.
func (s *Staleness) Set(text string) error {
	if n, err := strconv.Atoi(text); err == nil {
		if n < 1 || n > maxIntervals {
			return fmt.Errorf("not from 1 to %d intervals", maxIntervals)
		}
		*s = Staleness{Intervals: n}
		return nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return errors.New(`neither a number of intervals such as 3 nor a time such as "90m"`)
	}
	*s = Staleness{Age: d}
	return nil
}

// stale tells whether a success at last is too old.
func (s Staleness) stale(last, now time.Time, sched schedule.Schedule) bool {
	age := now.Sub(last)
	if s.Age > 0 {
		return age > s.Age
	}
	if age <= staleFloor {
		return false
	}
	t := last
	for range s.Intervals {
		if t = sched.Next(t); t.IsZero() || !t.Before(now) {
			return false
		}
	}
	return true
}
