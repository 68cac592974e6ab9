package status

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/schedule"
	"github.com/popsync/popsync/uidl"
)

// every is a schedule in this machine's time zone.
func every(t *testing.T, spec string) schedule.Schedule {
	t.Helper()
	s, err := schedule.Parse(spec)
	if err != nil {
		t.Fatal(err)
	}
	return s.In(time.Local)
}

func TestHealth(t *testing.T) {
	now := time.Date(2026, 3, 16, 10, 0, 0, 0, time.Local) // a Monday
	ago := func(d time.Duration) int64 { return now.Add(-d).Unix() }
	const hour, day = time.Hour, 24 * time.Hour
	ran := func(succeeded int64, failures int, class verdict.Class) uidl.Summary {
		v := verdict.Verdict{Class: class}
		if class != verdict.OK {
			v.Message = "why\x1b"
		}
		totals, err := json.Marshal(fetcher.Report{Verdict: v})
		if err != nil {
			t.Fatal(err)
		}
		return uidl.Summary{
			Info: uidl.Info{SucceededAt: succeeded, Status: uidl.Status{Failures: failures, Verdict: v.Message}},
			Last: &uidl.Pass{Ended: ago(0), Totals: totals},
		}
	}
	paused := ran(0, 9, verdict.Login)
	paused.Facts = []byte(`{"paused":1773600000}`)
	resumed := ran(0, 9, verdict.Login)
	resumed.Facts = []byte(`{"paused":0}`)
	garbled := ran(ago(hour), 2, verdict.Temporary)
	garbled.Last.Totals, garbled.Facts = []byte("{"), []byte("{")
	for _, tt := range []struct {
		name     string
		schedule string
		stale    string
		sum      uidl.Summary
		want     string // "": healthy
	}{
		{"fresh", "*/10 * * * *", "3", ran(ago(29*time.Minute), 0, verdict.OK), ""},
		{"exactly three intervals", "*/10 * * * *", "3", ran(ago(30*time.Minute), 0, verdict.OK), ""},
		{"a second more", "*/10 * * * *", "3", ran(ago(30*time.Minute+time.Second), 0, verdict.OK), "last success 30m ago"},
		{"failing but fresh", "*/10 * * * *", "3", ran(ago(20*time.Minute), 2, verdict.Temporary), ""},
		{"failing and old", "*/10 * * * *", "3", ran(ago(2*hour), 12, verdict.Temporary), `last success 2h ago: why\x1b`},
		{"short intervals have a floor", "@every 10s", "3", ran(ago(15*time.Minute), 0, verdict.OK), ""},
		{"beyond the floor", "@every 10s", "3", ran(ago(15*time.Minute+time.Second), 0, verdict.OK), "last success 15m ago"},
		{"over the weekend", "0 9-17 * * 1-5", "3", ran(ago(64*hour), 0, verdict.OK), ""},
		{"over more than that", "0 9-17 * * 1-5", "3", ran(ago(68*hour), 0, verdict.OK), "last success 2d ago"},
		{"more intervals", "*/10 * * * *", "7", ran(ago(hour), 0, verdict.OK), ""},
		{"one interval", "@hourly", "1", ran(ago(61*time.Minute), 0, verdict.OK), "last success 1h ago"},
		{"a time", "* * * * *", "36h", ran(ago(36*hour), 0, verdict.OK), ""},
		{"a time has no floor", "@yearly", "1m", ran(ago(61*time.Second), 0, verdict.OK), "last success 1m ago"},
		{"leap day", "0 0 29 2 *", "3", ran(ago(365*day), 0, verdict.OK), ""},

		{"never ran", "@yearly", "100", uidl.Summary{}, "never ran"},
		{"never succeeded", "@yearly", "100", ran(0, 1, verdict.Temporary), `never succeeded: why\x1b`},
		{"clock a little back", "@hourly", "3", ran(ago(-14*time.Minute), 0, verdict.OK), ""},
		{"clock far back", "@hourly", "3", ran(ago(-10*365*day), 0, verdict.OK), "lies in the future"},
		{"clock far back, a time", "@hourly", "1h", ran(ago(-10*365*day), 0, verdict.OK), "lies in the future"},

		{"one refusal of a login that worked", "@hourly", "3", ran(ago(hour), 1, verdict.Login), ""},
		{"the second", "@hourly", "3", ran(ago(hour), 2, verdict.Login), `needs a person: why\x1b`},
		{"the first login of all", "@hourly", "3", ran(0, 1, verdict.Login), `needs a person: why\x1b`},
		{"configuration", "@hourly", "3", ran(ago(0), 1, verdict.Config), `needs a person: why\x1b`},
		{"fault of popsync, old", "@hourly", "3", ran(ago(day), 24, verdict.Internal), `last success 24h ago: why\x1b`},

		{"paused", "@hourly", "3", paused, ""},
		{"not paused any more", "@hourly", "3", resumed, "needs a person"},
		{"what cannot be read", "*/10 * * * *", "3", garbled, `last success 1h ago: why\x1b`},
	} {
		var limit Staleness
		if err := limit.Set(tt.stale); err != nil {
			t.Fatal(err)
		}
		tt.sum.Name = "a"
		h := HealthOf([]Watched{{Name: "a", Schedule: every(t, tt.schedule), Summary: tt.sum}}, limit, 0, now)
		var b strings.Builder
		if err := h.Show(&b); err != nil {
			t.Fatal(err)
		}
		if h.Healthy != (tt.want == "") || !strings.Contains(b.String(), tt.want) || strings.Count(b.String(), "\n") != 1 ||
			strings.HasPrefix(b.String(), "healthy: ") != h.Healthy || len(h.Unhealthy)+h.Accounts+h.Paused == 0 {
			t.Errorf("%s: %q, want %q", tt.name, b.String(), tt.want)
		}
	}
}

func TestStaleness(t *testing.T) {
	for text, want := range map[string]string{"3": "3", "100": "100", "90m": "1h30m0s",
		"0": "", "-1": "", "101": "", "": "", "0s": "", "-1h": "", "1d": "", "3.5": "", "99999999999999999999": ""} {
		limit := Staleness{Intervals: 42}
		err := limit.Set(text)
		if want == "" {
			if err == nil || limit.String() != "42" {
				t.Errorf("%q was taken as %s", text, &limit)
			}
		} else if err != nil || limit.String() != want {
			t.Errorf("%q: %s, %v", text, &limit, err)
		}
	}
}
