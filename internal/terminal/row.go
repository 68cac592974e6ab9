package terminal

import (
	"fmt"
	"time"

	"github.com/popsync/popsync/internal/control"
	"github.com/popsync/popsync/internal/words"
)

// rateTime is how far back the rate looks: far enough for what comes in batches.
const rateTime = 10 * time.Second

// row is a running pass on the board.
type row struct {
	control.Progress
	began   time.Time
	tallies []tally // one for each second of the last rateTime
}

// tally is how much had come by a time.
type tally struct {
	at    time.Time
	bytes int64
}

// rank orders rows before the time does.
func (r *row) rank() int {
	if r.Waiting == control.TurnWait {
		return 1
	}
	return 0
}

// isOther tells whether what is told now is about another pass than what was told before.
func (r *row) isOther(p control.Progress) bool {
	return r.Before != p.Before || r.Waiting == control.TurnWait && p.Waiting != control.TurnWait ||
		!r.Started.IsZero() && !p.Started.IsZero() && !r.Started.Equal(p.Started)
}

// cells are the columns of the row: name, messages, size, rate, time left.
func (r *row) cells(now time.Time) []string {
	cells := r.figures(now)
	if r.Before {
		cells[1] = "runs already: " + cells[1]
	}
	return cells
}

func (r *row) figures(now time.Time) []string {
	rate := r.rate(now)
	if r.Waiting != "" && r.Messages == 0 {
		return []string{r.Account, "waiting for " + r.Waiting + ", " + words.Span(now.Sub(r.began))}
	}
	if r.Planned == 0 && r.Messages == 0 {
		return []string{r.Account, "connecting and listing, " + words.Span(now.Sub(r.began))}
	}
	messages, size := words.Number(r.Messages, "message"), words.Octets(r.Bytes)
	if r.Planned > 0 {
		messages = fmt.Sprintf("%d of %s", r.Messages, words.Number(r.Planned, "message"))
	}
	if r.PlannedBytes > 0 {
		size = fmt.Sprintf("%s of %s", size, words.Octets(r.PlannedBytes))
	}
	out := []string{r.Account, messages, size, words.Octets(int64(rate)) + "/s"}
	if left := float64(r.PlannedBytes - r.Bytes); left > 0 && rate >= 1 {
		// What takes longer than a month is not known.
		if seconds := left / rate; seconds < 30*24*3600 {
			out = append(out, words.Span(time.Duration(seconds*float64(time.Second)))+" left")
		}
	}
	return out
}

// rate is the octets in a second lately. It takes a tally on the way.
func (r *row) rate(now time.Time) float64 {
	if len(r.tallies) == 0 {
		r.tallies = append(r.tallies, tally{at: r.began})
	}
	if now.Sub(r.tallies[len(r.tallies)-1].at) >= time.Second {
		r.tallies = append(r.tallies, tally{now, r.Bytes})
	}
	for len(r.tallies) > 2 && now.Sub(r.tallies[1].at) >= rateTime {
		r.tallies = r.tallies[1:]
	}
	first := r.tallies[0]
	if d := now.Sub(first.at).Seconds(); d > 0 {
		return float64(r.Bytes-first.bytes) / d
	}
	return 0
}
