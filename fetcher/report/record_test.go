package report

import (
	"fmt"
	"testing"
	"time"

	"github.com/popsync/popsync/fetcher/verdict"
)

// What befell a pass outranks how it ended, if it is worse; of one class the first counts.
func TestWorse(t *testing.T) {
	var c Record
	c.Befell(verdict.Verdict{Class: verdict.Temporary, Message: "one"})
	c.Befell(verdict.Verdict{Class: verdict.Temporary, Message: "two"})
	if v := c.Worse(verdict.Verdict{Class: verdict.OK}); v.Message != "one" {
		t.Errorf("%+v", v)
	}
	if v := c.Worse(verdict.Verdict{Class: verdict.Config, Message: "own"}); v.Message != "own" {
		t.Errorf("%+v", v)
	}
	c.BefellFirst(verdict.Verdict{Class: verdict.Temporary, Message: "first"})
	if v := c.Worse(verdict.Verdict{Class: verdict.OK}); v.Message != "first" {
		t.Errorf("%+v", v)
	}
}

// A server that words each refusal differently does not make the report grow.
func TestReasonsBounded(t *testing.T) {
	var c Record
	for i := range 2 * maxReasons {
		c.Reason(fmt.Sprint("reason ", i))
	}
	c.Reason("reason 0")
	if n := len(c.Rep.Reasons); n != maxReasons || c.Rep.Reasons["reason 0"] != 2 {
		t.Errorf("%d reasons, the first %d times", n, c.Rep.Reasons["reason 0"])
	}
}

// What is open decides where nothing worse befell the pass: newly parked, then failed, then put off.
func TestOpenVerdict(t *testing.T) {
	for want, r := range map[string]Report{
		"": {},
		"1 message newly parked: nothing is lost, and it is tried again later": {NewlyParked: 1, Failed: 1},
		"2 messages failed (cannot): nothing is lost, and each is tried again": {Failed: 2},
		"1 message put off for relay: down":                                    {PutOff: 1},
	} {
		c := Record{Rep: r, failure: "cannot", putOff: "for relay: down"}
		if v := c.OpenVerdict(); v.Message != want || (v.Class == verdict.OK) != (want == "") {
			t.Errorf("%+v: %+v", r, v)
		}
	}
}

// Of the times at which something may be delivered the next one counts, if it is yet to come.
func TestSendAt(t *testing.T) {
	now := time.Unix(1e9, 0)
	c := Record{Now: func() time.Time { return now }}
	for _, after := range []time.Duration{-time.Minute, 2 * time.Hour, time.Hour, 100 * 24 * time.Hour} {
		c.SendAt(now.Add(after))
	}
	if !c.Rep.NextSend.Equal(now.Add(time.Hour)) {
		t.Error(c.Rep.NextSend)
	}
}

// Whoever watches is told what the pass waits for when that changes, and not otherwise.
func TestWaitsFor(t *testing.T) {
	var told []string
	c := Record{}
	c.Tell = func(r Report) { told = append(told, r.Waiting) }
	for _, what := range []string{"", "memory", "memory", ""} {
		c.WaitsFor(what)
	}
	if fmt.Sprint(told) != "[memory ]" {
		t.Errorf("%q", told)
	}
}
