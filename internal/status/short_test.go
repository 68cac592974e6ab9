package status

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/uidl"
)

// Messages that came shorter than listed are told of once, by what the last pass said or in a line of their own.
func TestStatusOfShort(t *testing.T) {
	now := time.Unix(1790000000, 0)
	since := now.Add(-2 * time.Hour)
	const waits = "2 messages not delivered yet: shorter than the server lists, and read again first; the oldest came 2h ago"
	const watched = "1 message delivered with another length than the server lists, and looked at again on another day before policy may delete it there; the oldest came 2h ago"
	ran := Account{Account: "a", LastPass: now, LastSuccess: now}
	for _, tt := range []struct {
		short     *Short
		trouble   string
		onlyShort bool
		rank      rank
		story     string
	}{
		{nil, "", false, rankNothing, ""},
		{&Short{Waiting: 2, WaitingSince: since}, "", false, rankPending, waits},
		{&Short{Waiting: 2, WaitingSince: since}, "x", true, rankTrouble, "x|the last pass failed; the last success was 0s ago"},
		{&Short{Waiting: 2, WaitingSince: since}, "x", false, rankTrouble, "x|the last pass failed; the last success was 0s ago|" + waits},
		{&Short{Delivered: 1, DeliveredSince: since}, "", false, rankSkipped, watched},
		{&Short{Waiting: 2, WaitingSince: since, Delivered: 1, DeliveredSince: since}, "", false, rankPending, waits + "|" + watched},
	} {
		st := ran
		st.CameShort, st.Trouble, st.Class, st.onlyShort = tt.short, tt.trouble, string(verdict.Temporary), tt.onlyShort
		what, _ := st.story(now)
		if story := strings.Join(what, "|"); story != tt.story || st.rank() != tt.rank {
			t.Errorf("%+v: rank %d, %q; want %d, %q", tt.short, st.rank(), story, tt.rank, tt.story)
		}
	}
}

// An account is well as long as it fails in nothing but that messages came short, and its passes go on.
func TestHealthOfShort(t *testing.T) {
	now := time.Date(2026, 3, 16, 10, 0, 0, 0, time.Local)
	for _, tt := range []struct {
		onlyShort bool
		succeeded time.Duration // ago; 0: never
		ended     time.Duration
		want      string
	}{
		{true, 5 * time.Hour, time.Minute, ""},
		{true, 0, time.Minute, ""},
		{true, 5 * time.Hour, 2 * time.Hour, "last success 2h ago: short"},
		{false, 5 * time.Hour, time.Minute, "last success 5h ago: short"},
	} {
		totals, err := json.Marshal(fetcher.Report{OnlyShort: tt.onlyShort, Verdict: verdict.Verdict{Class: verdict.Temporary, Message: "short"}})
		if err != nil {
			t.Fatal(err)
		}
		sum := uidl.Summary{Info: uidl.Info{Name: "a", Status: uidl.Status{Failures: 3, Verdict: "short"}},
			Last: &uidl.Pass{Ended: now.Add(-tt.ended).Unix(), Totals: totals}}
		if tt.succeeded > 0 {
			sum.SucceededAt = now.Add(-tt.succeeded).Unix()
		}
		h := HealthOf([]Watched{{Name: "a", Schedule: every(t, "*/10 * * * *"), Summary: sum}}, Staleness{Intervals: 3}, 0, now)
		got := ""
		if len(h.Unhealthy) > 0 {
			got = h.Unhealthy[0].Reason
		}
		if got != tt.want {
			t.Errorf("%+v: %q", tt, got)
		}
	}
}
