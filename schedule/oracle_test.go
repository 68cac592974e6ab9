package schedule

import (
	"iter"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// tick is one minute of a clock on the wall.
type tick struct {
	at      time.Time // UTC
	shows   face
	again   bool // it has shown that before
	skipped []face
}

// face is what a clock shows.
type face struct{ minute, hour, dom, month, dow uint8 }

// read gives what a clock shows, of a time that is in UTC as it were.
func read(c time.Time) face {
	return face{uint8(c.Minute()), uint8(c.Hour()), uint8(c.Day()), uint8(c.Month()), uint8(c.Weekday())}
}

// dial gives all minutes in (from, to] of a clock in loc.
func dial(loc *time.Location, from, to time.Time) iter.Seq[tick] {
	return func(yield func(tick) bool) {
		var latest, before time.Time // what it has shown
		for at := from.UTC().Truncate(time.Minute).Add(-4 * time.Hour); !at.After(to); at = at.Add(time.Minute) {
			l := at.In(loc)
			shows := time.Date(l.Year(), l.Month(), l.Day(), l.Hour(), l.Minute(), 0, 0, time.UTC)
			k := tick{at: at, shows: read(shows)}
			if !before.IsZero() {
				for missing := before.Add(time.Minute); missing.Before(shows); missing = missing.Add(time.Minute) {
					k.skipped = append(k.skipped, read(missing))
				}
			}
			before = shows
			if k.again = !shows.After(latest); !k.again {
				latest = shows
			}
			if at.After(from) && !yield(k) {
				return
			}
		}
	}
}

// oracle tells when cron fields fire by looking at every minute. It shares no code with the package or the library.
type oracle struct {
	minute, hour, dom, month, dow [60]bool
	eitherDay, everyHour          bool // both days are restricted: one is enough
}

func newOracle(t testing.TB, spec string) *oracle {
	t.Helper()
	switch spec {
	case "@hourly":
		spec = "0 * * * *"
	case "@daily":
		spec = "0 0 * * *"
	}
	f := strings.Fields(spec)
	if len(f) != 5 {
		t.Fatalf("the oracle can't read %q", spec)
	}
	number := func(s string) int {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatalf("the oracle can't read %q", spec)
		}
		return n
	}
	set := func(field string, from, to int) (m [60]bool) {
		for _, part := range strings.Split(field, ",") {
			what, step, stepped := strings.Cut(part, "/")
			lo, hi, n := from, to, 1
			if what != "*" {
				a, b, ranged := strings.Cut(what, "-")
				lo = number(a)
				hi = lo
				if ranged {
					hi = number(b)
				}
			}
			if stepped {
				n = number(step)
			}
			for i := lo; i <= hi; i += n {
				m[i] = true
			}
		}
		return m
	}
	o := &oracle{minute: set(f[0], 0, 59), hour: set(f[1], 0, 23), dom: set(f[2], 1, 31), month: set(f[3], 1, 12), dow: set(f[4], 0, 6)}
	o.eitherDay = f[2] != "*" && f[4] != "*"
	o.everyHour = !slices.Contains(o.hour[:24], false)
	return o
}

// wants tells that the fields match what a clock shows.
func (o *oracle) wants(f face) bool {
	if !o.minute[f.minute] || !o.hour[f.hour] {
		return false
	}
	dom, dow := o.dom[f.dom], o.dow[f.dow]
	return o.month[f.month] && (dom && dow || o.eitherDay && (dom || dow))
}

// fires tells that the fields fire at that minute, by the rules in the package comment.
func (o *oracle) fires(k *tick) bool {
	return o.wants(k.shows) && (o.everyHour || !k.again) || !o.everyHour && slices.ContainsFunc(k.skipped, o.wants)
}

// times gives when the fields fire on that clock.
func (o *oracle) times(ticks []tick) (times []time.Time) {
	for i := range ticks {
		if o.fires(&ticks[i]) {
			times = append(times, ticks[i].at)
		}
	}
	return times
}
