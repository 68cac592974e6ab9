package status

import (
	"fmt"
	"strings"
	"time"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

// Waiting is what waits for one destination of an account, as JSON.
type Waiting struct {
	Destination string    `json:"destination"`
	Deliveries  int       `json:"deliveries"`
	PutOff      int       `json:"put_off"` // of those, how many failed and are tried again soon
	Parked      int       `json:"parked"`  // and how many seldom
	Since       time.Time `json:"since"`   // when the oldest of the messages was first listed
	Reason      string    `json:"reason,omitempty"`
	DownSince   time.Time `json:"down_since,omitzero"` // of the destination as a whole
	DownReason  string    `json:"down_reason,omitempty"`
	NextTry     time.Time `json:"next_try,omitzero"` // with DownSince of the destination, else of what is parked; zero: the next run
	Gone        bool      `json:"gone,omitempty"`    // it is not configured any more
	account     string
	told        string // what was just said of the account
}

func waitingOf(account string, s uidl.Summary, now time.Time) (all []Waiting) {
	down := health.Standing(s).Down
	for _, w := range s.Waiting {
		of := Waiting{Destination: w.Destination, Deliveries: w.Deliveries, PutOff: w.PutOff, Parked: w.Parked, Since: time.Unix(w.Since, 0), Reason: w.Reason, account: account}
		if w.NextTry != 0 {
			of.NextTry = time.Unix(w.NextTry, 0)
		}
		for _, d := range s.Destinations {
			if d.Name == w.Destination {
				of.Gone = d.Role == uidl.NotConfigured || d.Role == uidl.WasOptional
			}
		}
		for _, d := range down {
			if d.Destination == w.Destination {
				of.DownSince, of.NextTry, of.DownReason = d.Since, d.Due(now), d.Verdict.Message
			}
		}
		all = append(all, of)
	}
	return all
}

// words are the lines about it for people.
func (w Waiting) words(now time.Time) (lines []string) {
	if w.Gone {
		return []string{fmt.Sprintf("%s for %s, which is not configured any more, the oldest message from %s: configure it again, or give the copies to the others: popsync check --adopt %s",
			words.Number(w.Deliveries, "open delivery"), w.Destination, words.Ago(w.Since, now), w.account)}
	}
	if w.Parked > 0 {
		lines = append(lines, fmt.Sprintf("%s to %s parked, the oldest message from %s%s%s",
			words.Number(w.Parked, "delivery"), w.Destination, words.Ago(w.Since, now), w.nextParked(now), after(": ", w.Reason)))
	}
	n := w.Deliveries - w.Parked
	if n == 0 {
		return lines
	}
	line := fmt.Sprintf("%s on the way to %s, the oldest message from %s", words.Number(n, "delivery"), w.Destination, words.Ago(w.Since, now))
	switch {
	case w.PutOff == n:
		line = fmt.Sprintf("%s to %s put off, the oldest message from %s", words.Number(n, "delivery"), w.Destination, words.Ago(w.Since, now))
	case w.PutOff > 0:
		line += fmt.Sprintf(", %d of them put off", w.PutOff)
	}
	switch {
	case w.DownSince.IsZero() && w.PutOff > 0 && w.Parked == 0:
		line += after(": ", w.Reason) + "; the next run tries again"
	case w.DownSince.IsZero():
		line += ": the next run goes on"
	case w.NextTry.After(now) && strings.Contains(w.told, "tried next at "+words.Stamp(w.NextTry.Unix())):
	case w.NextTry.After(now):
		line += w.down() + "tried again at " + words.Stamp(w.NextTry.Unix()) + after(": ", w.DownReason)
	default:
		line += w.down() + "tried again in the next run" + after(": ", w.DownReason)
	}
	return append(lines, line)
}

// down tells since when the destination is down, unless that was just told.
func (w Waiting) down() string {
	if strings.Contains(w.told, "down since "+words.Stamp(w.DownSince.Unix())) {
		return "; it is "
	}
	return "; it is down since " + words.Stamp(w.DownSince.Unix()) + " and "
}

// nextParked tells when the first of those parked is tried again.
func (w Waiting) nextParked(now time.Time) string {
	if w.DownSince.IsZero() && w.NextTry.After(now) {
		return ", tried again at " + words.Stamp(w.NextTry.Unix())
	}
	return ", tried again in the next run"
}

// after is what follows if there is something to say.
func after(sep, s string) string {
	if s == "" {
		return ""
	}
	return sep + s
}
