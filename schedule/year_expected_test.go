package schedule

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// expected works out when an entry has to start.
func expected(t *testing.T, e Entry, stretches []stretch, ticks [][]tick) (want []time.Time) {
	off := offset(e.Name, e.Jitter)
	if every, ok := interval(e.Schedule.String()); ok {
		return expectedEvery(every, off, stretches)
	}
	o := newOracle(t, e.Schedule.String())
	for i, s := range stretches {
		times := o.times(ticks[i])
		regular := func(after time.Time) {
			for _, at := range times {
				if at = at.Add(off); at.After(after) && at.Before(s.to) {
					want = append(want, at)
				}
			}
		}
		if s.slip <= 0 { // the first, or the clock was put back: the calendar goes on from there
			regular(s.from)
		} else {
			catchUp := s.from.Add(off)
			missed := false
			for k := range dial(e.Location, stretches[i-1].to.Add(-2*time.Hour), s.from) {
				at := k.at.Add(off)
				if missed = !at.Before(stretches[i-1].to) && !at.After(s.from) && o.fires(&k); missed {
					break
				}
			}
			for _, at := range times {
				if at = at.Add(off); at.After(s.from) && at.Before(catchUp) {
					catchUp = at
				}
			}
			if missed {
				want = append(want, catchUp)
				regular(catchUp)
			} else {
				regular(s.from)
			}
		}
	}
	if len(want) == 0 {
		t.Errorf("%s is never expected", e.Name)
	}
	return want
}

func interval(spec string) (time.Duration, bool) {
	var s string
	if n, _ := fmt.Sscanf(spec, "@every %s", &s); n == 0 {
		return 0, false
	}
	d, err := time.ParseDuration(s)
	return d, err == nil
}

func expectedEvery(every, off time.Duration, stretches []stretch) (want []time.Time) {
	last := stretches[0].from.Add(off - every)
	for _, s := range stretches {
		due := last.Add(every)
		switch {
		case s.slip > 0 && !due.After(s.from): // missed
			due = s.from.Add(min(off, every))
		case s.slip < 0 && last.After(s.from):
			due = due.Add(s.slip)
		}
		for ; due.Before(s.to); due = due.Add(every) {
			want = append(want, due)
			last = due
		}
		if due.Sub(last) != every { // none in this stretch
			last = due.Add(-every)
		}
	}
	return want
}

func compare(t *testing.T, name string, got []start, want []time.Time) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		var g, w time.Time
		if i < len(got) {
			g = got[i].at
		}
		if i < len(want) {
			w = want[i]
		}
		if !g.Equal(w) {
			t.Errorf("%s: %d starts, want %d; start %d at %v, want %v", name, len(got), len(want), i, g, w)
			return
		}
	}
}

// checkNext compares what State said with what came.
func checkNext(t *testing.T, name string, samples []State, sampled []time.Time, got []start, stretches []stretch) {
	t.Helper()
	checked := 0
	for i, s := range samples {
		j := slices.IndexFunc(got, func(x start) bool { return x.mono.After(sampled[i]) })
		if s.Running || j < 0 {
			continue
		}
		set := slices.ContainsFunc(stretches, func(x stretch) bool {
			return x.slip != 0 && x.mono.After(sampled[i]) && !x.mono.After(got[j].mono)
		})
		if set {
			continue
		}
		checked++
		if !s.Next.Equal(got[j].at) {
			t.Errorf("%s: next was said to be %v, and was %v", name, s.Next, got[j].at)
			return
		}
	}
	if checked == 0 && len(got) > 3 {
		t.Errorf("%s: nothing to compare", name)
	}
}
