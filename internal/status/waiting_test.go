package status

import (
	"testing"
	"time"
)

// The lines of status about what waits.
func TestWaitingWords(t *testing.T) {
	now := time.Date(2026, 1, 2, 12, 0, 0, 0, time.Local)
	down := now.Add(-3 * time.Hour)
	for _, c := range []struct {
		w    Waiting
		want []string
	}{
		{Waiting{Destination: "r", Deliveries: 1, Since: now.Add(-time.Minute)},
			[]string{"1 delivery on the way to r, the oldest message from 1m ago: the next run goes on"}},
		{Waiting{Destination: "r", Deliveries: 2, PutOff: 1, Since: down, Reason: "busy"},
			[]string{"2 deliveries on the way to r, the oldest message from 3h ago, 1 of them put off: busy; the next run tries again"}},
		{Waiting{Destination: "r", Deliveries: 1, PutOff: 1, Since: down, Reason: "busy"},
			[]string{"1 delivery to r put off, the oldest message from 3h ago: busy; the next run tries again"}},
		{Waiting{Destination: "r", Deliveries: 4, PutOff: 4, Since: down, DownSince: down, NextTry: now.Add(time.Hour), told: "refused; down since 2026-01-02 09:00; tried next at 2026-01-02 13:00"},
			[]string{"4 deliveries to r put off, the oldest message from 3h ago"}},
		{Waiting{Destination: "r", Deliveries: 4, PutOff: 3, Since: down, DownSince: down, NextTry: now, told: "refused; down since 2026-01-02 09:00; tried next at 2026-01-02 12:00"},
			[]string{"4 deliveries on the way to r, the oldest message from 3h ago, 3 of them put off; it is tried again in the next run"}},
		{Waiting{Destination: "r", Deliveries: 1, Parked: 1, Since: down, Reason: "spam", NextTry: now.Add(time.Hour)},
			[]string{"1 delivery to r parked, the oldest message from 3h ago, tried again at 2026-01-02 13:00: spam"}},
		{Waiting{Destination: "r", Deliveries: 3, Parked: 1, Since: down, Reason: "spam", DownSince: down, DownReason: "refused", NextTry: now.Add(time.Hour)},
			[]string{"1 delivery to r parked, the oldest message from 3h ago, tried again in the next run: spam",
				"2 deliveries on the way to r, the oldest message from 3h ago; it is down since 2026-01-02 09:00 and tried again at 2026-01-02 13:00: refused"}},
		{Waiting{Destination: "r", Deliveries: 1, Since: down, DownReason: "refused", DownSince: down},
			[]string{"1 delivery on the way to r, the oldest message from 3h ago; it is down since 2026-01-02 09:00 and tried again in the next run: refused"}},
	} {
		got := c.w.words(now)
		if len(got) != len(c.want) {
			t.Errorf("%q", got)
			continue
		}
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("%q\nwant %q", got[i], c.want[i])
			}
		}
	}
}
