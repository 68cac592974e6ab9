package main

import (
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/internal/control"
)

// To wait for memory in vain is nobody's trouble: no alarm, no failure in the figures.
func TestWaitingIsNoAlarm(t *testing.T) {
	rep := fetcher.Report{Account: "a", Untried: true, Waiting: "memory", Verdict: fetcher.Verdict{Class: fetcher.Temporary, Message: "waiting for memory"}}
	if o, ok := outcomeOf(rep); ok {
		t.Errorf("%+v", o)
	}
	rep.Waiting = ""
	if _, ok := outcomeOf(rep); !ok {
		t.Error("what a pass that is put off says otherwise is told")
	}
	st := accountStatus{State: stateRunning, RunningSince: time.Now(), Progress: &control.Progress{Waiting: "memory"}}
	if got := st.stateText(time.Now()); !strings.HasSuffix(got, ", waiting for memory") {
		t.Error(got)
	}
	if got := progressOf(fetcher.Report{Account: "a", Waiting: "memory"}); got.Waiting != "memory" {
		t.Errorf("%+v", got)
	}
}
