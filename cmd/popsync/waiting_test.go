package main

import (
	"testing"

	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/verdict"
)

// To wait for memory in vain is nobody's trouble: no alarm, no failure in the figures.
func TestWaitingIsNoAlarm(t *testing.T) {
	rep := fetcher.Report{Account: "a", Untried: true, Waiting: "memory", Verdict: verdict.Verdict{Class: verdict.Temporary, Message: "waiting for memory"}}
	if o, ok := outcomeOf(rep); ok {
		t.Errorf("%+v", o)
	}
	rep.Waiting = ""
	if _, ok := outcomeOf(rep); !ok {
		t.Error("what a pass that is put off says otherwise is told")
	}
	if got := progressOf(fetcher.Report{Account: "a", Waiting: "memory"}); got.Waiting != "memory" {
		t.Errorf("%+v", got)
	}
}
