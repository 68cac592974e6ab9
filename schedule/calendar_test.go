package schedule

import (
	"slices"
	"testing"
	"time"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func parsed(t testing.TB, spec string) Schedule {
	t.Helper()
	s, err := Parse(spec)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Every time of a year, against the oracle, in zones that change their clocks in odd ways: at midnight, by half an hour,
// by a whole day. Under the race detector each schedule is followed in every third zone.
func TestNextAgainstOracle(t *testing.T) {
	specs := []string{
		"30 2 * * *", "30 1 * * *", "0 2 * * *", "0 0 * * *", "15 1 * * *", "@daily", "@hourly", "*/20 * * * *", "5 */2 * * *",
		"59 23 * * *", "0 1 24 4 *", "0 1 23 4 *", "30 2 29 3 *", "0 0 1,15 * 1", "0 3 * * 0", "10 0-23 * * *", "0,30 1-3 * * 0",
		"0 12 29 2 *", "0 0 30 12 *",
	}
	for z, tt := range []struct {
		zone string
		year int
	}{
		{"UTC", 2026}, {"Europe/Paris", 2026}, {"America/New_York", 2026}, {"Africa/Cairo", 2026}, {"Australia/Lord_Howe", 2026},
		{"America/Sao_Paulo", 2018}, {"Pacific/Apia", 2011}, {"America/Havana", 2024},
	} {
		loc := zone(t, tt.zone)
		from := time.Date(tt.year, 1, 1, 0, 0, 0, 0, time.UTC)
		to := from.AddDate(1, 0, 0)
		ticks := slices.Collect(dial(loc, from, to))
		for i, spec := range specs {
			if raceDetector && (z+i)%3 != 0 {
				continue
			}
			s := parsed(t, spec).In(loc)
			at := from
			for _, want := range newOracle(t, spec).times(ticks) {
				got := s.Next(at)
				if !got.Equal(want) {
					t.Errorf("%s %q after %v: %v, want %v", tt.zone, spec, at.In(loc), got.In(loc), want.In(loc))
					break
				}
				// From between two times the next one is the same.
				if half := at.Add(want.Sub(at) / 2); !s.Next(half).Equal(want) {
					t.Errorf("%s %q after %v: %v, want %v", tt.zone, spec, half.In(loc), s.Next(half).In(loc), want.In(loc))
					break
				}
				at = want
			}
			if got := s.Next(at); !got.After(to) {
				t.Errorf("%s %q after %v: %v, want none in that year", tt.zone, spec, at.In(loc), got.In(loc))
			}
		}
	}
}

func TestNextAroundChangesOfTheClock(t *testing.T) {
	for _, tt := range []struct{ zone, spec, from, want string }{
		// 2026-03-29 there is no 02:30 in Paris, 2026-10-25 there are two.
		{"Europe/Paris", "30 2 * * *", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"},
		{"Europe/Paris", "30 2 * * *", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"},
		{"Europe/Paris", "30 2 * * *", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"},
		{"Europe/Paris", "30 2 * * *", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"},
		{"Europe/Paris", "30 * * * *", "2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z"},
		{"Europe/Paris", "30 * * * *", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"},
		{"Africa/Cairo", "@daily", "2026-04-23T12:00:00Z", "2026-04-23T22:00:00Z"}, // no midnight
		{"Australia/Lord_Howe", "0 2 * * *", "2026-04-04T10:00:00Z", "2026-04-04T15:30:00Z"},
		{"Europe/Paris", "0 3 1 * *", "2040-12-31T01:00:00Z", "2041-01-01T02:00:00Z"},  // Go's ZoneBounds is wrong that day
		{"Europe/Paris", "0 3 29 2 *", "2096-03-01T00:00:00Z", "2104-02-29T02:00:00Z"}, // eight years
		{"Europe/Paris", "CRON_TZ=Asia/Tokyo 0 3 * * *", "2026-01-01T00:00:00Z", "2026-01-01T18:00:00Z"},
		{"Europe/Paris", "@every 90m", "2026-03-29T00:30:00Z", "2026-03-29T02:00:00Z"},
	} {
		from, err := time.Parse(time.RFC3339, tt.from)
		if err != nil {
			t.Fatal(err)
		}
		s := parsed(t, tt.spec).In(zone(t, tt.zone))
		got := s.Next(from)
		if got.Format(time.RFC3339) != tt.want {
			t.Errorf("%s %q after %s: %v, want %s", tt.zone, tt.spec, tt.from, got, tt.want)
		}
	}
	paris, tokyo := zone(t, "Europe/Paris"), zone(t, "Asia/Tokyo")
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, tokyo)
	if got := parsed(t, "0 3 * * *").Next(at); !got.Equal(at.Add(3*time.Hour)) || got.Location() != tokyo {
		t.Errorf("without a zone: %v", got)
	}
	if got := parsed(t, "0 3 * * *").In(paris).Next(at); !got.Equal(at.Add(11*time.Hour)) || got.Location() != tokyo {
		t.Errorf("in Paris: %v", got)
	}
	if !(Schedule{}).In(paris).Next(at).IsZero() {
		t.Error("the zero Schedule fires")
	}
}
