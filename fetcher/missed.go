package fetcher

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/popsync/popsync/internal/words"
)

// missedTold is for how long status tells of mail that left the server before a destination had it.
const missedTold = 30 * 24 * time.Hour

// missedMail is how many messages a destination will never have; stored with the account's facts. Times are Unix seconds.
type missedMail struct {
	N    int   `json:"n"`
	Last int64 `json:"last"` // when the last of them was given up
}

// Missed is mail that left the server before a destination had it, and that it can't get any more.
type Missed struct {
	Destination string
	Messages    int
	Last        time.Time // when the last of them was given up
}

// Words tell people about it.
func (m Missed) Words() string {
	if m.Messages == 1 {
		return fmt.Sprintf("1 message left the server before %s had it: it can't be fetched any more (given up at %s)", m.Destination, words.Stamp(m.Last.Unix()))
	}
	return fmt.Sprintf("%d messages left the server before %s had them: they can't be fetched any more (the last given up at %s)",
		m.Messages, m.Destination, words.Stamp(m.Last.Unix()))
}

// missed adds messages that destinations will never have, by name.
func (f *facts) missed(more map[string]int, now int64) {
	for name, n := range more {
		if f.Missed == nil {
			f.Missed = map[string]missedMail{}
		}
		f.Missed[name] = missedMail{f.Missed[name].N + n, now}
	}
}

// forgetMissed drops what was told for long enough, or noted by a wrong clock.
func (f *facts) forgetMissed(now time.Time) {
	maps.DeleteFunc(f.Missed, func(_ string, m missedMail) bool {
		at := time.Unix(m.Last, 0)
		return now.Sub(at) > missedTold || at.Sub(now) > farthestTry
	})
}

// missedMails are those to tell of, by destination.
func (f *facts) missedMails(now time.Time) []Missed {
	f.forgetMissed(now)
	var all []Missed
	for _, name := range slices.Sorted(maps.Keys(f.Missed)) {
		all = append(all, Missed{name, f.Missed[name].N, time.Unix(f.Missed[name].Last, 0)})
	}
	return all
}

func missedOf(n map[string]int, now int64) []Missed {
	var f facts
	f.missed(n, now)
	return f.missedMails(time.Unix(now, 0))
}
