package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/internal/control"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/status"
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
	p.says(false, exit.Temp, "run new") // fails, here
	p.daemon(d)
	out, _ := p.says(true, exit.OK, "status")
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
	out, _ = p.says(false, exit.OK, "status --json")
	var all []status.Account
	for line := range strings.Lines(out) {
		var st status.Account
		if err := json.Unmarshal([]byte(line), &st); err != nil {
			t.Fatal(err)
		}
		all = append(all, st)
	}
	if len(all) != 3 || all[0].State != status.StateRunning || all[0].Progress.Planned != 345 || all[1].Class != "temporary" || !all[2].Daemon ||
		all[2].Reason != "the server wants it so" {
		t.Errorf("as JSON: %+v", all)
	}
}
