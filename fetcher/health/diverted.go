package health

import (
	"fmt"
	"time"

	"github.com/popsync/popsync/internal/words"
)

// Diverted is a message that a destination refused for good, and that the fallback has; stored with the account's facts.
type Diverted struct {
	UID         string `json:"uid"` // as in logs
	Destination string `json:"destination"`
	Reason      string `json:"reason"`
	At          int64  `json:"at"` // Unix seconds
}

// mostDiverted is how many of them are remembered: the newest.
const mostDiverted = 20

// AddDiverted adds some, the newest last.
func (f *Facts) AddDiverted(more []Diverted) {
	f.Diverted = append(f.Diverted, more...)
	f.Diverted = f.Diverted[max(0, len(f.Diverted)-mostDiverted):]
}

// Words tell people about it.
func (d Diverted) Words() string {
	return words.Clip(fmt.Sprintf("%s refused %s, and the fallback has it (%s): %s", d.Destination, d.UID, words.Stamp(d.At), d.Reason))
}

// Diverted is what fallbacks took of late, at a time, the newest last; none: nil.
func (s State) Diverted(now time.Time) (all []Diverted) {
	for _, d := range s.facts.Diverted {
		if at := time.Unix(d.At, 0); now.Sub(at) <= missedTold && at.Sub(now) <= farthestTry {
			all = append(all, d)
		}
	}
	return all
}
