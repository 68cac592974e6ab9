package alarms

import (
	"testing"

	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/outcome"
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
}

// A stop is told to nobody, and an overlapping run to nobody either.
func TestStopIsNoTrouble(t *testing.T) {
	for _, rep := range []fetcher.Report{
		{Stopped: true, Verdict: verdict.Verdict{Class: verdict.Temporary, Message: "stopped"}},
		{Untried: true, Busy: true, Verdict: verdict.Verdict{Class: verdict.Temporary, Message: "busy"}},
		{Untried: true, Busy: true, Verdict: verdict.Verdict{Class: verdict.OK}},
		outcome.Paused("a"),
	} {
		if o, ok := outcomeOf(rep); ok {
			t.Errorf("%+v is told as %+v", rep, o)
		}
	}
}
