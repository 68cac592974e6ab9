package main

import (
	"slices"
	"testing"

	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/outcome"
)

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

// What is to be put right at once is, the latest first, and what was put right already is not.
func TestUndo(t *testing.T) {
	var u undo
	var did []int
	for i := range 4 {
		done := u.add(func() { did = append(did, i) })
		if i == 1 {
			done()
		}
	}
	if u.all(); !slices.Equal(did, []int{3, 2, 0}) {
		t.Errorf("%v", did)
	}
	var none *undo
	none.add(nil)()
	none.all()
}
