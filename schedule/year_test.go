package schedule

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

const decade = 10 * 365 * 24 * time.Hour

func day(m time.Month, d, h, min int) time.Time { return time.Date(2026, m, d, h, min, 7, 0, time.UTC) }

// stretch is a time during which the wall clock went evenly.
type stretch struct {
	from, to time.Time     // by the wall clock; in the first turn after from the loop saw it
	slip     time.Duration // by which the clock was set at from
	mono     time.Time     // the bubble's clock at from
}

// A year of mixed schedules in several zones, over changes of the clock, suspends and a clock that is set by ten years
// either way. What should start when is worked out minute by minute by an oracle, and everything that started is compared.
func TestYear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Date(2026, 1, 1, 0, 0, 30, 0, time.UTC)
		w := newWorld(t, begin, Options{Parallel: 50})
		var entries []Entry
		for _, x := range []struct {
			zone, spec string
			jitter     time.Duration
		}{
			{"UTC", "*/20 * * * *", 0},
			{"Europe/Paris", "*/30 * * * *", 10 * time.Minute},
			{"Europe/Paris", "30 2 * * *", 0},
			{"Europe/Paris", "30 2 * * *", 20 * time.Minute},
			{"Europe/Paris", "0 */2 * * *", time.Minute},
			{"Europe/Paris", "0 2,3 * * 0", 0},
			{"America/New_York", "0 0 * * *", 30 * time.Minute},
			{"America/New_York", "30 1,2 * * *", 0},
			{"America/New_York", "@hourly", 5 * time.Minute},
			{"Africa/Cairo", "@daily", 0},
			{"Africa/Cairo", "5 0 * * 5", time.Minute},
			{"Australia/Lord_Howe", "0 2 * * *", 0},
			{"Australia/Lord_Howe", "15 * * * *", 3 * time.Minute},
			{"Asia/Kolkata", "0 9-18/3 * * 1-5", 0},
			{"Asia/Tokyo", "0 12 1,15 * *", time.Hour},
			{"America/Havana", "59 23 28-31 * *", 0},
			{"UTC", "0 0 1 1 *", 0},
			{"UTC", "0 12 29 2 *", 0},
			{"UTC", "@every 15m", 10 * time.Minute},
			{"UTC", "@every 7h", 0},
			{"UTC", "@every 100h", 50 * time.Minute},
		} {
			e := w.entry(fmt.Sprintf("%s %s %v", x.zone, x.spec, x.jitter), x.spec, time.Duration(1+len(entries)*2)*time.Second)
			e.Location, e.Jitter = zone(t, x.zone), x.jitter
			entries = append(entries, e)
		}
		w.loop.Set(entries)

		stretches := []stretch{{from: begin, mono: time.Now()}}
		seen := true
		w.onBeat = func() {
			if s := &stretches[len(stretches)-1]; !seen {
				if late := w.wall().Sub(s.from); late < 0 || late > time.Minute {
					t.Errorf("set at %v, noticed %v later", s.from, late)
				}
				s.from, s.mono, seen = w.wall(), time.Now(), true
			}
		}
		w.run()
		samples := map[string][]State{}
		sampled := map[string][]time.Time{}
		for _, ev := range []struct {
			at   time.Time // by the clock before it is set
			slip time.Duration
		}{
			{day(1, 20, 10, 7), 30 * time.Second}, // too little to matter
			{day(2, 10, 10, 7), 8 * time.Hour},
			{day(3, 28, 20, 3), 10 * time.Hour}, // over the change in Paris
			{day(4, 23, 20, 59), 2 * time.Hour}, // over the one in Cairo
			{day(5, 10, 10, 3), -time.Hour},     //
			{day(5, 20, 10, 3), 3 * time.Minute},
			{day(6, 1, 9, 59), -decade},
			{day(6, 21, 10, 1).Add(-decade), decade},
			{day(7, 2, 0, 59), decade},
			{day(7, 12, 0, 1).Add(decade), -decade},
			{day(8, 1, 9, 59), 30 * 24 * time.Hour},
			{day(10, 24, 23, 10), 3 * time.Hour},
			{day(12, 1, 10, 3), -30 * time.Minute},
			{time.Date(2027, 1, 10, 0, 0, 0, 0, time.UTC), 0},
		} {
			for w.now().Before(ev.at) {
				time.Sleep(min(26*time.Hour, ev.at.Sub(w.now())))
				synctest.Wait()
				for _, s := range w.loop.State() {
					samples[s.Name], sampled[s.Name] = append(samples[s.Name], s), append(sampled[s.Name], time.Now())
				}
			}
			for busy := true; busy; {
				time.Sleep(time.Second) // a run's end is no whole second away from a start
				synctest.Wait()
				w.mu.Lock()
				if busy = w.all > 0; !busy {
					s := &stretches[len(stretches)-1]
					s.to = w.wall()
					if ev.slip > tolerance || ev.slip < -tolerance {
						w.ahead += ev.slip
						stretches = append(stretches, stretch{from: w.wall(), slip: ev.slip, mono: time.Now()})
						seen = false
					}
				}
				w.mu.Unlock()
			}
		}
		w.stop()
		ticks := map[string][][]tick{}
		for _, e := range entries {
			loc := e.Location.String()
			if ticks[loc] == nil {
				for _, s := range stretches {
					ticks[loc] = append(ticks[loc], slices.Collect(dial(e.Location, s.from.Add(-2*time.Hour), s.to)))
				}
			}
			want := expected(t, e, stretches, ticks[loc])
			got := w.of(e.Name)
			compare(t, e.Name, got, want)
			checkNext(t, e.Name, samples[e.Name], sampled[e.Name], got, stretches)
		}
	})
}
