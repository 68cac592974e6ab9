package uidl

import "testing"

const firstDay = 20_000 * secondsPerDay

// at is a time of a day of the test, from 0.
func at(day int, hour float64) int64 { return firstDay + int64(day)*secondsPerDay + int64(hour*3600) }

// Each step is a listing, and what is confirmed and aged after it. What the machine's clock says may be nonsense.
func TestClock(t *testing.T) {
	const decade = 3650
	type step struct{ t, confirmed, aged int64 }
	for _, c := range []struct {
		name  string
		steps []step
	}{
		{"daily", []step{
			{at(0, 9), at(0, 9), at(0, 9)}, {at(1, 9), at(1, 9), at(0, 9)}, {at(2, 9), at(2, 9), at(1, 9)}}},
		{"hourly", []step{
			{at(0, 22), at(0, 22), at(0, 22)}, {at(0, 23), at(0, 23), at(0, 22)}, {at(1, 0), at(1, 0), at(0, 23)},
			{at(1, 1), at(1, 1), at(0, 23)}, {at(1, 23), at(1, 23), at(0, 23)}, {at(2, 0), at(2, 0), at(1, 23)}}},
		{"weekly lags by one", []step{
			{at(0, 9), at(0, 9), at(0, 9)}, {at(7, 9), at(0, 9), at(0, 9)}, {at(14, 9), at(7, 9), at(7, 9)},
			{at(21, 9), at(14, 9), at(14, 9)}, {at(28, 9), at(21, 9), at(21, 9)}}},
		{"weeks off, then daily", []step{
			{at(0, 9), at(0, 9), at(0, 9)}, {at(1, 9), at(1, 9), at(0, 9)}, {at(22, 9), at(1, 9), at(0, 9)},
			{at(23, 9), at(23, 9), at(22, 9)}, {at(24, 9), at(24, 9), at(23, 9)}}},
		{"weeks off, then hourly", []step{
			{at(0, 9), at(0, 9), at(0, 9)}, {at(22, 9), at(0, 9), at(0, 9)}, {at(22, 10), at(0, 9), at(0, 9)}, {at(23, 0), at(0, 9), at(0, 9)},
			{at(23, 4), at(0, 9), at(0, 9)}, {at(23, 5), at(23, 5), at(22, 9)}, {at(24, 1), at(24, 1), at(23, 5)}}},
		{"1970 at boot", []step{
			{at(0, 9), at(0, 9), at(0, 9)}, {100, at(0, 9), at(0, 9)}, {at(1, 9), at(1, 9), at(0, 9)},
			{100, at(1, 9), at(0, 9)}, {50, at(1, 9), at(0, 9)}, {100 + 30*secondsPerDay, at(1, 9), at(0, 9)}, {at(2, 9), at(2, 9), at(1, 9)}}},
		{"1970 at first", []step{
			{100, 0, 0}, {secondsPerDay, 0, 0}, {at(0, 9), at(0, 9), at(0, 9)}, {at(1, 9), at(1, 9), at(0, 9)}}},
		{"ten years ahead once", []step{
			{at(0, 9), at(0, 9), at(0, 9)}, {at(1, 9), at(1, 9), at(0, 9)}, {at(1+decade, 10), at(1, 9), at(0, 9)},
			{at(1, 11), at(1, 11), at(0, 9)}, {at(2, 9), at(2, 9), at(1, 11)}, {at(3, 9), at(3, 9), at(2, 9)}}},
		{"ten years ahead for some hours", []step{
			{at(0, 1), at(0, 1), at(0, 1)}, {at(decade, 2), at(0, 1), at(0, 1)}, {at(decade, 10), at(0, 1), at(0, 1)}, {at(decade, 21), at(0, 1), at(0, 1)},
			{at(0, 22), at(0, 22), at(0, 1)}}},
		{"ahead once in a weekly run", []step{
			{at(0, 9), at(0, 9), at(0, 9)}, {at(7+decade, 9), at(0, 9), at(0, 9)}, {at(14, 9), at(0, 9), at(0, 9)}, {at(21, 9), at(14, 9), at(14, 9)}}},
		{"ten years ahead for three days and back", []step{
			{at(0, 9), at(0, 9), at(0, 9)},
			{at(1+decade, 9), at(0, 9), at(0, 9)}, {at(2+decade, 9), at(2+decade, 9), at(1+decade, 9)}, {at(3+decade, 9), at(3+decade, 9), at(2+decade, 9)},
			{at(4, 9), at(3+decade, 9), at(2+decade, 9)}, {at(5, 9), at(5, 9), at(4, 9)}, {at(6, 9), at(6, 9), at(5, 9)}}},
		{"small steps back", []step{
			{at(0, 9), at(0, 9), at(0, 9)}, {at(0, 8), at(0, 9), at(0, 9)}, {at(0, 7), at(0, 9), at(0, 9)}, {at(0, 8.5), at(0, 9), at(0, 9)},
			{at(0, 10), at(0, 10), at(0, 9)}}},
		{"back by five hours", []step{
			{at(0, 23), at(0, 23), at(0, 23)}, {at(0, 18), at(0, 23), at(0, 23)}, {at(0, 22), at(0, 23), at(0, 23)}, {at(1, 9), at(1, 9), at(0, 23)}}},
		{"back by days, believed on the second", []step{
			{at(10, 9), at(10, 9), at(10, 9)}, {at(1, 9), at(10, 9), at(10, 9)}, {at(1, 20), at(10, 9), at(10, 9)},
			{at(2, 9), at(2, 9), at(1, 9)}, {at(3, 9), at(3, 9), at(2, 9)}}},
		{"back once", []step{
			{at(10, 9), at(10, 9), at(10, 9)}, {at(1, 9), at(10, 9), at(10, 9)}, {at(11, 9), at(11, 9), at(10, 9)}, {at(12, 9), at(12, 9), at(11, 9)}}},
	} {
		var clock Clock
		for i, s := range c.steps {
			before := clock
			clock, _ = clock.Listed(s.t)
			if clock.Confirmed != s.confirmed || clock.Aged != s.aged {
				t.Errorf("%s, step %d: confirmed %+d, aged %+d; want %+d, %+d", c.name, i, clock.Confirmed-firstDay, clock.Aged-firstDay, s.confirmed-firstDay, s.aged-firstDay)
			}
			if clock.Aged > clock.Confirmed || before.Confirmed != 0 && clock.Aged > before.Aged && floorDay(clock.Aged) >= floorDay(s.t) {
				t.Errorf("%s, step %d: %+v: an age is reached on the day that counts it", c.name, i, clock)
			}
		}
	}
}

// Whatever the clock does, no row gets a time before it was seen, and each gets one once the clock is right.
func TestClockStamps(t *testing.T) {
	for _, c := range []struct {
		name string
		last int64 // the wrong one
	}{{"ahead", at(4000, 9)}, {"behind", at(-400, 9)}, {"never set", 100}, {"never to be", 1 << 62}} {
		clock, _ := Clock{}.Listed(at(0, 9))
		wrong, fix := clock.Listed(c.last)
		stamp := wrong.Stamp(c.last)
		if fix || stamp < at(0, 9) || !wrong.Loose {
			t.Errorf("%s: stamp %d, fix %v, %+v", c.name, stamp, fix, wrong)
		}
		right, fix := wrong.Listed(at(1, 9))
		if !fix || right.Loose || stamp <= right.Confirmed {
			t.Errorf("%s: fix %v, %+v: the row keeps %d", c.name, fix, right, stamp)
		}
		if got := right.Stamp(at(1, 8)); got != at(1, 9) {
			t.Errorf("%s: stamp of a clock set back a little %d", c.name, got)
		}
	}
	first, fix := Clock{}.Listed(100)
	if fix || first.Confirmed != 0 || first.Stamp(100) != Unstamped || first.Now(100) != 100 {
		t.Errorf("a machine whose clock was never set: %+v", first)
	}
	if next, fix := first.Listed(at(0, 9)); !fix || next.Now(5) != at(0, 9) {
		t.Errorf("then it is: %+v, fix %v", next, fix)
	}
}
