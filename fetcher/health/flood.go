package health

import (
	"fmt"
	"slices"
	"time"

	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/words"
)

// The flood breaker: far more new mail than an account ever gets is rather a server's fault, or lost memory, than mail.
// Nothing is fetched or deleted until a person looked. It needs a history: where that is thin it never acts.
const (
	FloodLeast   = 500            // new messages that are always plausible
	floodTimes   = 20             // and so many times the median of the passes that brought mail
	floodDays    = 4              // and so many times the median of the days with mail, for each day since the last listing
	historyLeast = 5              // passes that brought mail, at least
	historyDays  = 3              // days on which they were, at least
	HistoryMost  = 30             // passes that are remembered
	HistoryAge   = 30 * 24 * 3600 // seconds that they count
	SecondsADay  = 24 * 3600
)

// Arrival is a pass that brought mail.
type Arrival struct {
	At  int64 `json:"at"` // Unix seconds
	New int   `json:"new"`
}

// Flood is new mail that is held back until a person says what it is.
type Flood struct {
	Since int64 `json:"since"` // Unix seconds
	New   int   `json:"new"`   // messages that arrived at once
	Usual int   `json:"usual"` // median of the passes that brought mail
}

// FloodError ends a pass before anything is fetched.
type FloodError struct {
	Flood
	Account string
	Again   bool // it was told before
}

func (e *FloodError) Error() string {
	return fmt.Sprintf("%s arrived at once, where %d %s usual: nothing is fetched or deleted until you say what they are",
		words.Number(e.New, "new message"), e.Usual, words.Plural(e.Usual, "is", "are"))
}

func (e *FloodError) Judge(v verdict.Verdict) verdict.Verdict {
	v.Class = verdict.Config
	v.Hint = fmt.Sprintf("look at them with: popsync run --dry-run %[1]s; if they are right, say: popsync accept %[1]s; "+
		"if all of them were seen before, say: popsync baseline %[1]s", e.Account)
	return v
}

// Plausible gives how many new messages a pass brings, usually and at most; most is 0 when that cannot be told. A
// mailbox that was not looked at for long has more.
func Plausible(history []Arrival, now time.Time, gap time.Duration) (usual, most int) {
	var passes, days []int
	var last int64
	for _, a := range history {
		if a.At < now.Unix()-HistoryAge || a.At > now.Unix() {
			continue
		}
		passes = append(passes, a.New)
		if day := a.At / SecondsADay; len(days) == 0 || day != last {
			days, last = append(days, 0), day
		}
		days[len(days)-1] += a.New
	}
	if len(passes) < historyLeast || len(days) < historyDays {
		return 0, 0
	}
	usual = median(passes)
	off := max(1, gap.Hours()/24)
	return usual, max(FloodLeast, floodTimes*usual, int(floodDays*off*float64(median(days))))
}

func median(v []int) int {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}
