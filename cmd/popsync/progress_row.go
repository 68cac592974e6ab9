package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/popsync/popsync/internal/control"
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
	if r.Waiting == waitingTurn {
		return 1
	}
	return 0
}

// isOther tells whether what is told now is about another pass than what was told before.
func (r *row) isOther(p control.Progress) bool {
	return r.Before != p.Before || r.Waiting == waitingTurn && p.Waiting != waitingTurn ||
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
		return []string{r.Account, "waiting for " + r.Waiting + ", " + span(now.Sub(r.began))}
	}
	if r.Planned == 0 && r.Messages == 0 {
		return []string{r.Account, "connecting and listing, " + span(now.Sub(r.began))}
	}
	messages, size := count(r.Messages, "message"), octets(r.Bytes)
	if r.Planned > 0 {
		messages = fmt.Sprintf("%d of %s", r.Messages, count(r.Planned, "message"))
	}
	if r.PlannedBytes > 0 {
		size = fmt.Sprintf("%s of %s", size, octets(r.PlannedBytes))
	}
	out := []string{r.Account, messages, size, octets(int64(rate)) + "/s"}
	if left := float64(r.PlannedBytes - r.Bytes); left > 0 && rate >= 1 {
		// What takes longer than a month is not known.
		if seconds := left / rate; seconds < 30*24*3600 {
			out = append(out, span(time.Duration(seconds*float64(time.Second)))+" left")
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

// span is a length of time for people, with two units at most.
func span(d time.Duration) string {
	d = max(d, 0).Round(time.Second)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%dd%02dh", int(d.Hours()/24), int(d.Hours())%24)
}

// aligned joins the cells of each row, padded to columns of equal width. The last cell of a row widens no column.
func aligned(rows [][]string) []string {
	var widths []int
	for _, r := range rows {
		for i, c := range r[:len(r)-1] {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], len(c))
		}
	}
	lines := make([]string, len(rows))
	for i, r := range rows {
		var b strings.Builder
		for j, c := range r {
			if j < len(r)-1 {
				c += strings.Repeat(" ", widths[j]-len(c)+2)
			}
			b.WriteString(c)
		}
		lines[i] = b.String()
	}
	return lines
}
