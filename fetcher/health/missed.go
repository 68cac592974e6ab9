package health

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/popsync/popsync/internal/words"
)

// missedTold is for how long status tells of mail that left the server before a destination had it.
const missedTold = 30 * 24 * time.Hour

// MissedMail is how many messages a destination will never have; stored with the account's facts. Times are Unix seconds.
type MissedMail struct {
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

// MissedOf words how many messages destinations missed just now, by their names (Unix seconds).
func MissedOf(n map[string]int, now int64) []Missed {
	var f Facts
	f.AddMissed(n, now)
	return f.missedMails(time.Unix(now, 0))
}

// Without is mail that a destination which is not required refused for good.
type Without struct {
	Destination string
	Messages    int
	Last        time.Time // when it refused the last of them
}

// Words tell people about it.
func (w Without) Words() string {
	what := fmt.Sprintf("%d messages go", w.Messages)
	if w.Messages == 1 {
		what = "1 message goes"
	}
	return fmt.Sprintf("%s without %s, which is not required and refused to take that (the last at %s)", what, w.Destination, words.Stamp(w.Last.Unix()))
}

// Without is what destinations that are not required went without of late, at a time; none: nil.
func (s State) Without(now time.Time) (all []Without) {
	for _, name := range slices.Sorted(maps.Keys(s.facts.Without)) {
		w := s.facts.Without[name]
		if at := time.Unix(w.Last, 0); now.Sub(at) <= missedTold && at.Sub(now) <= farthestTry {
			all = append(all, Without{name, w.N, at})
		}
	}
	return all
}
