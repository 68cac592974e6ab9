package main

import (
	"encoding/json"
	"time"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/internal/screen"
	"github.com/popsync/popsync/schedule"
	"github.com/popsync/popsync/uidl"
)

// health is what healthcheck finds, as JSON.
type health struct {
	Healthy   bool            `json:"healthy"`
	Accounts  int             `json:"accounts"` // that count: without the paused ones
	Paused    int             `json:"paused"`
	Unhealthy []accountHealth `json:"unhealthy"` // empty, not null, when there is none
}

// accountHealth is why an account is not healthy.
type accountHealth struct {
	Account     string    `json:"account"`
	LastSuccess time.Time `json:"last_success,omitzero"`
	Reason      string    `json:"reason"`
}

// parked is how many parked messages of an account need somebody; 0: no number does.
func healthOf(accounts []config.Account, sums []uidl.Summary, held map[string]error, limit staleness, parked int, now time.Time) (health, error) {
	known := byName(sums)
	h := health{Unhealthy: []accountHealth{}}
	for _, acc := range accounts {
		sum := known[acc.Name]
		if !fetcher.Standing(sum).Paused.IsZero() {
			h.Paused++
			continue
		}
		h.Accounts++
		sched, err := scheduleOf(acc)
		if err != nil {
			return health{}, &exitError{exitConfig, err}
		}
		reason := unwell(sum, sched, limit, now)
		if parked > 0 && sum.Parked >= parked && reason == "" {
			reason = screen.Count(sum.Parked, "message") + " parked; to see why say: popsync parked " + acc.Name
		}
		if err := held[acc.Name]; err != nil {
			reason = "needs a person: " + errorText(err)
		}
		if reason != "" {
			h.Unhealthy = append(h.Unhealthy, accountHealth{acc.Name, statusOf(acc.Name, sum, now).LastSuccess, reason})
		}
	}
	h.Healthy = len(h.Unhealthy) == 0
	return h, nil
}

// unwell is why an account is not healthy, or "".
func unwell(sum uidl.Summary, sched schedule.Schedule, limit staleness, now time.Time) string {
	st := statusOf(sum.Name, sum, now)
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
		return "last success " + screen.Ago(last.Unix(), now) + trouble
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
	if v.Class == fetcher.Config || v.Class == fetcher.Login && (sum.Failures > 1 || sum.SucceededAt == 0) {
		return "needs a person: " + v.Message
	}
	return ""
}
