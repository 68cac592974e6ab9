package schedule

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"
)

func TestParseAndNext(t *testing.T) {
	from := time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC) // a Saturday
	for spec, want := range map[string]string{
		"*/10 * * * *":                    "2026-03-14T15:10:00Z",
		"0 3 * * *":                       "2026-03-15T03:00:00Z",
		"0 0 29 2 *":                      "2028-02-29T00:00:00Z",
		"0 0 * * 0":                       "2026-03-15T00:00:00Z",
		"0 0 13 * fri":                    "2026-03-20T00:00:00Z", // either, as cron has it
		"@hourly":                         "2026-03-14T16:00:00Z",
		"@every 10m":                      "2026-03-14T15:19:26Z",
		"@every 1s":                       "2026-03-14T15:09:27Z",
		"CRON_TZ=Europe/Paris 0 17 * * *": "2026-03-14T16:00:00Z",
		"TZ=Asia/Tokyo @daily":            "2026-03-15T15:00:00Z",
	} {
		s, err := Parse(spec)
		if err != nil {
			t.Errorf("%q: %v", spec, err)
			continue
		}
		got := s.Next(from).UTC().Format(time.RFC3339)
		if got != want || s.String() != spec {
			t.Errorf("%q: %s, want %s (%q)", spec, got, want, s)
		}
	}
	if !(Schedule{}).Next(from).IsZero() {
		t.Error("the zero Schedule fires")
	}
}

func TestParseRefuses(t *testing.T) {
	for spec, want := range map[string]string{
		"":                          "0 fields instead of five",
		"hourly":                    "1 fields instead of five",
		"0 0 * * * *":               "none for seconds",
		"TZ=0":                      "a time zone is written",
		"TZ=Europe/Paris":           "a time zone is written",
		"CRON_TZ=":                  "a time zone is written",
		"TZ= 0 3 * * *":             "a time zone is written",
		"CRON_TZ=Nowhere 0 3 * * *": "bad location",
		"CRON_TZ=\x00 0 3 * * *":    "bad location",
		"@every -5m":                "at least 1s",
		"@every 0s":                 "at least 1s",
		"@every 500ms":              "at least 1s",
		"@every 1.5s":               "whole seconds",
		"@every 10":                 "with its unit",
		"CRON_TZ=UTC @every 1ms":    "at least 1s",
		"@reboot":                   "unrecognized descriptor",
		"0 0 31 2 *":                "never fires",
		"0 0 30 feb *":              "never fires",
		"0 0 * * 7":                 "Sunday is 0, not 7",
		"0 0 * * 5-7":               "Sunday is 0, not 7",
		"60 * * * *":                "above maximum",
		"* * * * L":                 "L",
	} {
		s, err := Parse(spec)
		if err == nil || !strings.Contains(err.Error(), want) || s != (Schedule{}) {
			t.Errorf("%q: %v, want %q", spec, err, want)
		}
	}
}

// Nothing that is accepted panics, stands still or never fires.
func FuzzParse(f *testing.F) {
	f.Add("*/10 * * * *")
	paris := zone(f, "Europe/Paris")
	f.Fuzz(func(t *testing.T, spec string) {
		s, err := Parse(spec)
		if err != nil {
			return
		}
		for _, at := range []time.Time{reference, time.Date(2040, 12, 30, 12, 0, 0, 0, paris)} {
			for range 3 {
				next := s.Next(at)
				if !next.After(at) {
					t.Fatalf("%q: %v after %v", spec, next, at)
				}
				at = next
			}
		}
	})
}

func TestFuzzSeedsArePresent(t *testing.T) {
	seeds, _ := filepath.Glob("testdata/fuzz/FuzzParse/*")
	if len(seeds) < 4 {
		t.Errorf("%d seeds", len(seeds))
	}
	for _, s := range seeds {
		if data, err := os.ReadFile(s); err != nil || !strings.HasPrefix(string(data), "go test fuzz v1\n") {
			t.Errorf("%s is not a seed (%v)", s, err)
		}
	}
}
