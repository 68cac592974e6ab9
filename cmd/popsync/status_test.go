package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/internal/control"
)

// What the daemon says stands beside what the ledger remembers, and what needs a person comes first.
func TestStatusOfDaemon(t *testing.T) {
	p, d := newStation(t), &fakeDaemon{}
	now := time.Now()
	started := time.Date(2026, 11, 24, 9, 0, 0, 0, time.Local)
	d.status = control.Status{PID: 42, Version: "1.2", Started: started, Config: p.file, StateDir: p.state, ReloadProblem: "line 3: \x1b]0;no\a", Accounts: []control.Account{
		{Account: "home", RunningSince: now.Add(-3 * time.Second), Progress: &control.Progress{Messages: 12, Planned: 345}},
		{Account: "work", NextRun: now.Add(5*time.Minute + time.Second), NotBefore: now.Add(time.Hour), Reason: "the server wants it so"},
	}}
	p.says(false, exitTemp, "run new") // fails, here
	p.daemon(d)
	out, _ := p.says(true, exitOK, "status")
	has(t, out, "popsync daemon 1.2 running since 2026-11-24 09:00:00, pid 42\n", `so the old one is in use: line 3: \x1b]0;no\x07`,
		"home     never         -         0    0     0       running 3s, 12 of 345 messages\n",
		"work     never         in 5m     0    0     0       waiting\n",
		"new      never         -         0    0     0       trouble\n", ": the server wants it so\n")
	if new, work := strings.Index(out, "\nnew: "), strings.Index(out, "\nwork: "); new < 0 || new > work {
		t.Errorf("what failed does not come first:\n%s", out)
	}
	has(t, out, "\n  the running daemon does not have this account yet\n", "\n  next step: the next pass tries again")
	for line := range strings.Lines(out) {
		if len(line) > 101 {
			t.Errorf("wider than the terminal: %s", line)
		}
	}
	out, _ = p.says(false, exitOK, "status --json")
	var all []accountStatus
	for line := range strings.Lines(out) {
		var st accountStatus
		if err := json.Unmarshal([]byte(line), &st); err != nil {
			t.Fatal(err)
		}
		all = append(all, st)
	}
	if len(all) != 3 || all[0].State != stateRunning || all[0].Progress.Planned != 345 || all[1].Class != "temporary" || !all[2].Daemon ||
		all[2].Reason != "the server wants it so" {
		t.Errorf("as JSON: %+v", all)
	}
}

// Each account is in the first of these states that applies, and its story has its place.
func TestStatusStates(t *testing.T) {
	now := time.Unix(1790000000, 0)
	ran := accountStatus{Account: "a", LastPass: now.Add(-time.Hour), LastSuccess: now.Add(-time.Hour)}
	with := func(change func(*accountStatus)) accountStatus {
		st := ran
		change(&st)
		return st
	}
	waits := []waiting{{Destination: "relay", Deliveries: 2, Since: now.Add(-time.Hour)}}
	for _, tc := range []struct {
		st    accountStatus
		state state
		rank  rank
		story string
	}{
		{accountStatus{Account: "a"}, stateNew, rankNothing, ""},
		{ran, stateOK, rankNothing, ""},
		{with(func(st *accountStatus) { st.RunningSince, st.Trouble, st.Class = now, "x", "temporary" }), stateRunning, rankTrouble,
			"x|the last pass failed; the last success was 1h ago"},
		{with(func(st *accountStatus) { st.Paused, st.Trouble, st.Class, st.Failures = true, "x", "login", 3 }), statePaused, rankPerson,
			"x|3 passes in a row failed; the last success was 1h ago|paused, until you say: popsync resume a"},
		{with(func(st *accountStatus) {
			st.Trouble, st.Class, st.Alarmed, st.TroubleSince = "x", "temporary", true, now
		}), stateTrouble, rankPerson,
			"x|the last pass failed, since " + now.Format(time.DateTime) + "; the last success was 1h ago"},
		{with(func(st *accountStatus) { st.queued = true }), stateWaiting, rankNothing, ""},
		{with(func(st *accountStatus) { st.NotBefore, st.Reason = now.Add(time.Hour), "y" }), stateWaiting, rankWaiting,
			"not tried before " + now.Add(time.Hour).Format(time.DateTime) + ": y"},
		{with(func(st *accountStatus) { st.NotBefore, st.Reason = now.Add(-time.Hour), "y" }), stateOK, rankNothing, ""},
		{with(func(st *accountStatus) { st.Parked, st.Pending, st.Waiting, st.Skipped = 1, 2, waits, 3 }), stateParked, rankParked,
			"1 message parked: failed too often or refused for good, tried again seldom; to see why say: popsync parked a|2 deliveries on the way to relay, the oldest message from 1h ago: the next run goes on|3 messages left on the server: larger than max_size"},
		{with(func(st *accountStatus) { st.Pending, st.Waiting = 2, waits }), stateOK, rankPending, "2 deliveries on the way to relay, the oldest message from 1h ago: the next run goes on"},
		{with(func(st *accountStatus) { st.Held = 1 }), stateOK, rankPerson, "1 message held back: to have them delivered say: popsync accept a; if all were seen before: popsync baseline a"},
		{with(func(st *accountStatus) { st.Unsure = 3 }), stateOK, rankSkipped,
			"3 messages kept because nobody saw them safe at their destination: if you know that they are, say: popsync vouch a"},
		{with(func(st *accountStatus) {
			st.Pending, st.Waiting = 2, []waiting{{Destination: "old", Deliveries: 2, Since: now, Gone: true, account: "a"}}
		}), stateOK, rankPending,
			"2 open deliveries for old, which is not configured any more, the oldest message from 0s ago: configure it again, or give the copies to the others: popsync check --adopt a"},
		{with(func(st *accountStatus) { st.Skipped = 2 }), stateOK, rankSkipped, "2 messages left on the server: larger than max_size"},
		{with(func(st *accountStatus) { st.Slow, st.RunningSince = true, now }), stateRunning, rankWaiting,
			"in the slow lane: its passes were slow, or took long, while others waited; after one that goes well and fast it is among the others again"},
		{with(func(st *accountStatus) { st.PassTime = true }), stateOK, rankWaiting,
			"the last pass was ended after the longest time that a pass may take (limits.pass_time); the next one goes on"},
		{with(func(st *accountStatus) { st.PassTime, st.Trouble, st.Class = true, "x", "temporary" }), stateTrouble, rankTrouble,
			"x|the last pass failed; the last success was 1h ago"},
		{accountStatus{begun: true}, stateUnfinished, rankNothing, ""},
		{with(func(st *accountStatus) { st.missing = true }), stateOK, rankMissing, "the running daemon does not have this account yet"},
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
	var all []accountStatus
	for i := range 1000 {
		st := accountStatus{Account: fmt.Sprintf("a%04d", i), LastPass: now, LastSuccess: now}
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
	a := &app{streams: streams{out: &out, outTerm: true, outSize: func() (int, int) { return 60, 24 }}}
	if err := a.showStatus([]string{"head"}, all, now, false); err != nil {
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
