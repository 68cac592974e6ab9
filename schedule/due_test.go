package schedule

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// noon is when most tests begin.
var noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

// When a job runs that is set at noon: its starts within the next hours, since noon. The offset of "job" in an hour of
// jitter is 49m30s and a bit.
func TestWhenFirstSet(t *testing.T) {
	off := offset("job", time.Hour)
	if off.Truncate(time.Second) != 49*time.Minute+30*time.Second {
		t.Fatalf("offsets must stay the same from version to version: %v", off)
	}
	ago := func(d time.Duration) time.Time { return noon.Add(-d) }
	for _, tt := range []struct {
		what   string
		e      Entry
		spec   string
		during time.Duration
		want   []time.Duration
	}{
		{"never ran, cron", Entry{}, "30 * * * *", 2 * time.Hour, []time.Duration{30 * time.Minute, 90 * time.Minute}},
		{"never ran, @every", Entry{}, "@every 1h", 2 * time.Hour, []time.Duration{0, time.Hour}},
		{"never ran, @every, spread", Entry{Jitter: time.Hour}, "@every 2h", 3 * time.Hour, []time.Duration{off, off + 2*time.Hour}},
		{"no offset is longer than the interval", Entry{Jitter: time.Hour}, "@every 10m", 25 * time.Minute, []time.Duration{offset("job", 10*time.Minute), offset("job", 10*time.Minute) + 10*time.Minute}},
		{"@every counts from the last start", Entry{Last: ago(50 * time.Minute)}, "@every 1h", time.Hour, []time.Duration{10 * time.Minute}},
		{"@every, and jitter doesn't move it", Entry{Last: ago(50 * time.Minute), Jitter: time.Hour}, "@every 1h", time.Hour, []time.Duration{10 * time.Minute}},
		{"@every, overdue", Entry{Last: ago(90 * time.Hour)}, "@every 1h", 2 * time.Hour, []time.Duration{0, time.Hour}},
		{"cron, nothing missed", Entry{Last: ago(10 * time.Minute)}, "30 * * * *", time.Hour, []time.Duration{30 * time.Minute}},
		{"cron, a time missed", Entry{Last: ago(40 * time.Minute)}, "30 * * * *", time.Hour, []time.Duration{0, 30 * time.Minute}},
		{"cron, many missed are made up once", Entry{Last: ago(9000 * time.Hour)}, "30 * * * *", time.Hour, []time.Duration{0, 30 * time.Minute}},
		{"cron with jitter", Entry{Jitter: time.Hour}, "0 * * * *", 2 * time.Hour, []time.Duration{off, off + time.Hour}},
		{"missed, spread", Entry{Jitter: time.Hour, Last: ago(48 * time.Hour)}, "0 10 * * *", 24 * time.Hour, []time.Duration{off, off + 22*time.Hour}},
		{"missed, and due again before its offset", Entry{Jitter: time.Hour, Last: ago(48 * time.Hour)}, "50 * * * *", time.Hour, []time.Duration{off - 10*time.Minute}},
		{"at start", Entry{AtStart: true, Last: ago(time.Minute)}, "0 0 * * *", 13 * time.Hour, []time.Duration{0, 12 * time.Hour}},
		{"at start, spread", Entry{AtStart: true, Jitter: time.Hour}, "0 10 * * *", 13 * time.Hour, []time.Duration{off}},
		{"at start, but not before", Entry{AtStart: true, NotBefore: noon.Add(time.Hour)}, "0 0 * * *", 5 * time.Hour, []time.Duration{time.Hour}},
		{"at start, after the gap", Entry{AtStart: true, Gap: 3 * time.Hour, Last: ago(time.Hour)}, "0 0 * * *", 5 * time.Hour, []time.Duration{2 * time.Hour}},
		{"gap", Entry{Gap: 25 * time.Minute}, "*/10 * * * *", 90 * time.Minute, []time.Duration{10 * time.Minute, 35 * time.Minute, 60 * time.Minute, 85 * time.Minute}},
		{"not before", Entry{NotBefore: noon.Add(35 * time.Minute)}, "*/20 * * * *", time.Hour, []time.Duration{35 * time.Minute, 40 * time.Minute}},
		{"not before, long over", Entry{NotBefore: ago(time.Hour)}, "*/20 * * * *", 30 * time.Minute, []time.Duration{20 * time.Minute}},
		{"not before, by a wrong clock", Entry{NotBefore: noon.Add(26 * time.Hour)}, "*/20 * * * *", 30 * time.Minute, []time.Duration{20 * time.Minute}},
		{"last by a wrong clock, @every", Entry{Last: noon.Add(decade)}, "@every 1h", 90 * time.Minute, []time.Duration{0, time.Hour}},
		{"last by a wrong clock, cron", Entry{Last: noon.Add(decade)}, "30 * * * *", time.Hour, []time.Duration{30 * time.Minute}},
		{"last in the future counts as now", Entry{Last: noon.Add(20 * time.Hour)}, "@every 1h", 90 * time.Minute, []time.Duration{time.Hour}},
		{"last in the future counts as now, cron", Entry{Last: noon.Add(20 * time.Hour)}, "30 * * * *", time.Hour, []time.Duration{30 * time.Minute}},
		{"a clock a little off is no reason to run twice", Entry{Last: noon.Add(time.Minute)}, "1 * * * *", 2 * time.Hour, []time.Duration{61 * time.Minute}},
		{"paused", Entry{Paused: true, AtStart: true}, "@every 1m", time.Hour, nil},
		{"no schedule", Entry{}, "", 24 * time.Hour, nil},
		{"no schedule, at start", Entry{AtStart: true}, "", 24 * time.Hour, []time.Duration{0}},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, noon, Options{})
			tt.e.Name, tt.e.Run, tt.e.Location = "job", w.job("job", time.Second, nil), time.UTC
			if tt.spec != "" {
				tt.e.Schedule = parsed(t, tt.spec)
			}
			w.loop.Set([]Entry{tt.e})
			w.run()
			time.Sleep(tt.during - time.Second)
			var got []time.Duration
			for _, s := range w.of("job") {
				got = append(got, s.at.Sub(noon))
			}
			if fmt.Sprint(got) != fmt.Sprint(tt.want) {
				t.Errorf("%s: %v, want %v", tt.what, got, tt.want)
			}
		})
	}
}

func TestOffsetsSpread(t *testing.T) {
	var tenths [10]int
	for i := range 10000 {
		off := offset(fmt.Sprintf("account%d", i), time.Hour)
		if off < 0 || off >= time.Hour {
			t.Fatal(off)
		}
		tenths[off/(6*time.Minute)]++
	}
	for _, n := range tenths {
		if n < 900 || n > 1100 {
			t.Errorf("not even: %v", tenths)
		}
	}
}

// A run longer than its interval is followed by one more, not by as many as it held up.
func TestRunsLongerThanTheirInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, noon, Options{})
		takes := []time.Duration{35 * time.Minute, time.Minute, time.Minute, time.Minute}
		e := w.entry("a", "*/10 * * * *", 0)
		n := 0
		e.Run = w.job("a", 0, func() Result { time.Sleep(takes[n]); n++; return Result{} })
		w.loop.Set([]Entry{e})
		w.run()
		time.Sleep(time.Hour + 5*time.Minute)
		if got := w.story(noon); got != "a@10m0s a@45m0s a@50m0s a@1h0m0s" {
			t.Error(got)
		}
	})
}

// A failure's wait holds up to its end, for cron and @every, and is made up by one run.
func TestNotBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, noon, Options{Parallel: 2})
		var entries []Entry
		for name, spec := range map[string]string{"cron": "*/10 * * * *", "every": "@every 10m"} {
			e := w.entry(name, spec, 0)
			e.Last = noon
			failed := false
			e.Run = w.job(name, time.Minute, func() Result {
				if failed {
					return Result{}
				}
				failed = true
				return Result{NotBefore: w.now().Add(34 * time.Minute)}
			})
			entries = append(entries, e)
		}
		w.loop.Set(entries)
		w.run()
		time.Sleep(12 * time.Minute)
		if s := w.state("cron"); !s.NotBefore.Equal(noon.Add(45*time.Minute)) || !s.Next.Equal(s.NotBefore) {
			t.Errorf("%+v", s)
		}
		time.Sleep(50 * time.Minute)
		if got := fmt.Sprint(since(w.of("cron")), since(w.of("every"))); got != "[10m0s 45m0s 50m0s 1h0m0s] [10m0s 45m0s 55m0s]" {
			t.Error(got)
		}
		if s := w.state("cron"); !s.NotBefore.IsZero() {
			t.Errorf("%+v", s)
		}
	})
}

// What failed need not wait for a schedule that comes once a day; one that panicked then has nothing to say of that.
func TestAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, noon, Options{Parallel: 2})
		e := w.entry("daily", "0 13 * * *", 0)
		e.Last = noon
		results := []func() Result{
			func() Result { return Result{NotBefore: w.now().Add(5 * time.Minute), Again: true} },
			func() Result { return Result{NotBefore: w.now().Add(10 * time.Minute), Again: true} },
			func() Result { panic("boom") },
			func() Result { return Result{} },
		}
		runs := 0
		e.Run = w.job("daily", time.Minute, func() Result { runs++; return results[min(runs, len(results))-1]() })
		w.loop.Set([]Entry{e})
		w.run()
		time.Sleep(26 * time.Hour)
		if got := fmt.Sprint(since(w.of("daily"))); got != "[1h0m0s 1h6m0s 1h17m0s 25h0m0s]" {
			t.Error(got)
		}
	})
}

func since(starts []start) (d []time.Duration) {
	for _, s := range starts {
		d = append(d, s.at.Sub(noon))
	}
	return d
}

// What comes at no time of the schedule is spread less where there is little to spread.
func TestSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		ran := make(chan time.Duration, 10)
		l := NewLoop(Options{})
		spec, err := Parse("@every 1h")
		if err != nil {
			t.Fatal(err)
		}
		l.Set([]Entry{{Name: "job", Schedule: spec, Jitter: time.Hour, Spread: time.Second, AtStart: true,
			Run: func(context.Context, bool) Result { ran <- time.Since(began); return Result{} }}})
		ctx, stop := context.WithTimeout(t.Context(), 150*time.Minute)
		defer stop()
		l.Run(ctx)
		off := offset("job", time.Second)
		for _, want := range []time.Duration{off, off + time.Hour, off + 2*time.Hour} {
			select {
			case got := <-ran:
				if got.Round(time.Second) != want.Round(time.Second) {
					t.Errorf("ran at %v, want %v", got, want)
				}
			default:
				t.Errorf("no run at %v", want)
			}
		}
	})
}
