package status

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/internal/control"
	"github.com/popsync/popsync/uidl"
)

// Each account is in the first of these states that applies, and its story has its place.
func TestStatusStates(t *testing.T) {
	now := time.Unix(1790000000, 0)
	ran := Account{Account: "a", LastPass: now.Add(-time.Hour), LastSuccess: now.Add(-time.Hour)}
	with := func(change func(*Account)) Account {
		st := ran
		change(&st)
		return st
	}
	waits := []Waiting{{Destination: "relay", Deliveries: 2, Since: now.Add(-time.Hour)}}
	for _, tc := range []struct {
		st    Account
		state State
		rank  rank
		story string
	}{
		{Account{Account: "a"}, StateNew, rankNothing, ""},
		{ran, StateOK, rankNothing, ""},
		{with(func(st *Account) { st.RunningSince, st.Trouble, st.Class = now, "x", "temporary" }), StateRunning, rankTrouble,
			"x|the last pass failed; the last success was 1h ago"},
		{with(func(st *Account) { st.Paused, st.Trouble, st.Class, st.Failures = true, "x", "login", 3 }), StatePaused, rankPerson,
			"x|3 passes in a row failed; the last success was 1h ago|paused, until you say: popsync resume a"},
		{with(func(st *Account) {
			st.Trouble, st.Class, st.Alarmed, st.TroubleSince = "x", "temporary", true, now
		}), StateTrouble, rankPerson,
			"x|the last pass failed, since " + now.Format(time.DateTime) + "; the last success was 1h ago"},
		{with(func(st *Account) { st.queued = true }), StateWaiting, rankNothing, ""},
		{with(func(st *Account) { st.NotBefore, st.Reason = now.Add(time.Hour), "y" }), StateWaiting, rankWaiting,
			"not tried before " + now.Add(time.Hour).Format(time.DateTime) + ": y"},
		{with(func(st *Account) { st.NotBefore, st.Reason = now.Add(-time.Hour), "y" }), StateOK, rankNothing, ""},
		{with(func(st *Account) { st.Parked, st.Pending, st.Waiting, st.Skipped = 1, 2, waits, 3 }), StateParked, rankParked,
			"1 message parked: failed too often or refused for good, tried again seldom; to see why say: popsync parked a|2 deliveries on the way to relay, the oldest message from 1h ago: the next run goes on|3 messages left on the server: larger than max_size"},
		{with(func(st *Account) { st.Pending, st.Waiting = 2, waits }), StateOK, rankPending, "2 deliveries on the way to relay, the oldest message from 1h ago: the next run goes on"},
		{with(func(st *Account) { st.Held = 1 }), StateOK, rankPerson, "1 message held back: to have them delivered say: popsync accept a; if all were seen before: popsync baseline a"},
		{with(func(st *Account) { st.Unsure = 3 }), StateOK, rankSkipped,
			"3 messages kept because nobody saw them safe at their destination: if you know that they are, say: popsync vouch a"},
		{with(func(st *Account) {
			st.Pending, st.Waiting = 2, []Waiting{{Destination: "old", Deliveries: 2, Since: now, Gone: true, account: "a"}}
		}), StateOK, rankPending,
			"2 open deliveries for old, which is not configured any more, the oldest message from 0s ago: configure it again, or give the copies to the others: popsync check --adopt a"},
		{with(func(st *Account) { st.Skipped = 2 }), StateOK, rankSkipped, "2 messages left on the server: larger than max_size"},
		{with(func(st *Account) { st.Slow, st.RunningSince = true, now }), StateRunning, rankWaiting,
			"in the slow lane: its passes were slow, or took long, while others waited; after one that goes well and fast it is among the others again"},
		{with(func(st *Account) { st.PassTime = true }), StateOK, rankWaiting,
			"the last pass was ended after the longest time that a pass may take (limits.pass_time); the next one goes on"},
		{with(func(st *Account) { st.PassTime, st.Trouble, st.Class = true, "x", "temporary" }), StateTrouble, rankTrouble,
			"x|the last pass failed; the last success was 1h ago"},
		{Account{begun: true}, StateUnfinished, rankNothing, ""},
		{with(func(st *Account) { st.missing = true }), StateOK, rankMissing, "the running daemon does not have this account yet"},
	} {
		st := tc.st
		st.State = st.stateAt(now)
		what, _ := st.story(now)
		if story := strings.Join(what, "|"); st.State != tc.state || st.rank() != tc.rank || story != tc.story {
			t.Errorf("%+v:\nstate %s, rank %d, story %q; want %s, %d, %q", tc.st, st.State, st.rank(), story, tc.state, tc.rank, tc.story)
		}
	}
}

// A thousand accounts are one table, and each of those in trouble has its story, in the order of what needs a person.
func TestStatusOfMany(t *testing.T) {
	now := time.Unix(1790000000, 0)
	var all []Account
	for i := range 1000 {
		st := Account{Account: fmt.Sprintf("a%04d", i), LastPass: now, LastSuccess: now}
		switch i % 10 {
		case 3:
			st.Trouble, st.Class = "t"+strings.Repeat(" long words", 30), "temporary"
		case 7:
			st.Trouble, st.Class, st.NextStep = "l", "login", strings.Repeat("ask them ", 30)
		}
		st.State = st.stateAt(now)
		all = append(all, st)
	}
	var out bytes.Buffer
	if err := Show(&out, []string{"head"}, all, now, false, 60); err != nil {
		t.Fatal(err)
	}
	var told []string
	for line := range strings.Lines(out.String()) {
		if len(line) > 61 {
			t.Fatalf("wider than the terminal: %q", line)
		}
		if name, _, ok := strings.Cut(line, ": "); ok && strings.HasPrefix(name, "a") {
			told = append(told, name)
		}
	}
	if len(told) != 200 || told[0] != "a0007" || told[99] != "a0997" || told[100] != "a0003" || !slices.IsSorted(told[:100]) || !slices.IsSorted(told[100:]) {
		t.Errorf("%d stories, in this order: %v", len(told), told)
	}
}

func TestStateText(t *testing.T) {
	st := Account{State: StateRunning, RunningSince: time.Now(), Progress: &control.Progress{Waiting: "memory"}}
	if got := st.stateText(time.Now()); !strings.HasSuffix(got, ", waiting for memory") {
		t.Error(got)
	}
}

// An account whose mail was only marked, by a baseline or an import, is a new one; one whose first pass was cut is not.
func TestMarkedIsNotBegun(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	for want, facts := range map[State]health.Facts{
		StateNew:        {Baselined: &health.Baselined{At: now.Unix(), Marked: 20, Imported: true}},
		StateUnfinished: {Baselined: &health.Baselined{At: now.Unix(), Marked: 20, Fetched: now.Unix()}},
	} {
		st := Of("a", uidl.Summary{Info: uidl.Info{Listings: 1, Status: uidl.Status{Facts: facts.Encode()}}}, now)
		if got := st.stateAt(now); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
