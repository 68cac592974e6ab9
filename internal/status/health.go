package status

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/schedule"
	"github.com/popsync/popsync/uidl"
)

// Health is what healthcheck finds, as JSON.
type Health struct {
	Healthy   bool        `json:"healthy"`
	Accounts  int         `json:"accounts"` // that count: without the paused ones
	Paused    int         `json:"paused"`
	Unhealthy []Unhealthy `json:"unhealthy"` // empty, not null, when there is none
}

// Unhealthy is why an account is not healthy.
type Unhealthy struct {
	Account     string    `json:"account"`
	LastSuccess time.Time `json:"last_success,omitzero"`
	Reason      string    `json:"reason"`
}

// Watched is an account whose health is wanted.
type Watched struct {
	Name     string
	Schedule schedule.Schedule
	Summary  uidl.Summary // the zero one: it never ran
	Blocked  string       // why it cannot be run, for a person; "": it can
}

// HealthOf judges accounts. parked is how many parked messages of one need somebody; 0: no number does.
func HealthOf(accounts []Watched, limit Staleness, parked int, now time.Time) Health {
	h := Health{Unhealthy: []Unhealthy{}}
	for _, acc := range accounts {
		sum := acc.Summary
		if !health.Standing(sum).Paused.IsZero() {
			h.Paused++
			continue
		}
		h.Accounts++
		reason := unwell(sum, acc.Schedule, limit, now)
		if parked > 0 && sum.Parked >= parked && reason == "" {
			reason = words.Number(sum.Parked, "message") + " parked; to see why say: popsync parked " + acc.Name
		}
		if acc.Blocked != "" {
			reason = "needs a person: " + acc.Blocked
		}
		if reason != "" {
			h.Unhealthy = append(h.Unhealthy, Unhealthy{acc.Name, Of(acc.Name, sum, now).LastSuccess, reason})
		}
	}
	h.Healthy = len(h.Unhealthy) == 0
	return h
}

// Show prints the one line.
func (h Health) Show(w io.Writer) error {
	var b strings.Builder
	if h.Healthy {
		fmt.Fprintf(&b, "healthy: %s", words.Number(h.Accounts, "account"))
	} else {
		fmt.Fprintf(&b, "unhealthy: %d of %s", len(h.Unhealthy), words.Number(h.Accounts, "account"))
	}
	if h.Paused > 0 {
		fmt.Fprintf(&b, ", %d paused", h.Paused)
	}
	sep := ": "
	for _, u := range h.Unhealthy {
		b.WriteString(sep + u.Account + ": " + words.Clip(u.Reason))
		sep = "; "
	}
	_, err := fmt.Fprintln(w, b.String())
	return err
}

// unwell is why an account is not healthy, or "".
func unwell(sum uidl.Summary, sched schedule.Schedule, limit Staleness, now time.Time) string {
	st := Of(sum.Name, sum, now)
	if reason := needsPerson(sum); reason != "" {
		return reason
	}
	trouble := ""
	if st.Trouble != "" {
		trouble = ": " + st.Trouble
	}
	last := st.LastSuccess
	if st.onlyShort && st.LastPass.After(last) {
		last = st.LastPass // all else was fetched, and a monitor cannot make these messages whole
	}
	switch {
	case last.IsZero() && sum.Last == nil:
		return "never ran"
	case last.IsZero():
		return "never succeeded" + trouble
	case last.After(now.Add(staleFloor)):
		// It may be of any age: believing it could hide years.
		return "the last success lies in the future, at " + last.UTC().Format(time.RFC3339) + ": the clock was or is wrong"
	case limit.stale(last, now, sched):
		return "last success " + words.Ago(last, now) + trouble
	}
	return ""
}

// needsPerson is what failed for good in the last pass, or "". A login that worked before may be refused once because
// of too many: only the second refusal tells.
func needsPerson(sum uidl.Summary) string {
	if sum.Last == nil || sum.Verdict == "" {
		return ""
	}
	var rep fetcher.Report
	// Totals that cannot be read hide the class; the age of the last success still tells.
	_ = json.Unmarshal(sum.Last.Totals, &rep)
	v := rep.Verdict
	if v.Class == verdict.Config || v.Class == verdict.Login && (sum.Failures > 1 || sum.SucceededAt == 0) {
		return "needs a person: " + v.Message
	}
	return ""
}
