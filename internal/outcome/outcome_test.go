package outcome

import (
	"strings"
	"testing"

	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/verdict"
)

// What a person is told of a run that was stopped is what happened.
func TestStop(t *testing.T) {
	ok := fetcher.Report{New: 9, Verdict: verdict.Verdict{Class: verdict.OK}}
	failed := fetcher.Report{Verdict: verdict.Verdict{Class: verdict.Temporary, Message: "no route"}}
	cut := func(n int) fetcher.Report {
		return fetcher.Report{New: n, Stopped: true, Verdict: verdict.Verdict{Class: verdict.Temporary, Message: "stopped"}}
	}
	const settled = "; what was received whole is safe, and the next run goes on"
	for _, tc := range []struct {
		reports []fetcher.Report
		want    string
	}{
		{[]fetcher.Report{ok, failed}, ""},
		{[]fetcher.Report{cut(0)}, "stopped; nothing was fetched"},
		{[]fetcher.Report{cut(0), Unstarted("b")}, "stopped; nothing was fetched"},
		{[]fetcher.Report{cut(1)}, "stopped: 1 message came" + settled},
		{[]fetcher.Report{ok, cut(0), Unstarted("c")}, "stopped: 1 of 3 accounts finished" + settled},
		{[]fetcher.Report{ok, failed, cut(2)}, "stopped: 2 of 3 accounts finished; of the others 2 messages came" + settled},
		{[]fetcher.Report{ok, Unwatched("b"), Unwatched("c")}, "stopped watching; the daemon goes on with 2 accounts"},
		{[]fetcher.Report{Unwatched("b"), cut(0)}, "stopped watching; the daemon goes on with 1 account; stopped; nothing was fetched"},
	} {
		if got := Stop(tc.reports); got != tc.want {
			t.Errorf("%q, want %q", got, tc.want)
		}
	}
}

// The table of a run has the outcome in a word or three, and below it each account says once why, and what to do.
func TestOutcomes(t *testing.T) {
	long := strings.Repeat("many words ", 20) + "and no more"
	for _, tc := range []struct {
		rep         fetcher.Report
		word, below string
	}{
		{fetcher.Report{Verdict: verdict.Verdict{Class: verdict.OK}}, "ok", ""},
		{fetcher.Report{Verdict: verdict.Verdict{Class: verdict.OK}, Notes: []string{"look", "here"}}, "ok", "a: look\n  here\n"},
		{fetcher.Report{Verdict: verdict.Verdict{Class: verdict.Login, Message: "refused", Hint: "ask"}, Notes: []string{"look"}}, "login", "a: refused\n  next step: ask\n  look\n"},
		{fetcher.Report{Verdict: verdict.Verdict{Class: verdict.Config, Message: long, Hint: long}}, "config", ""},
		{fetcher.Report{Busy: true, Untried: true, Verdict: verdict.Verdict{Class: verdict.Temporary, Message: "busy: x", Hint: "wait"}}, "busy", "a: busy: x\n  next step: wait\n"},
		{Unstarted("a"), "not started", ""},
		{Unwatched("a"), "the daemon goes on", ""},
		{fetcher.Report{Stopped: true, Verdict: verdict.Verdict{Class: verdict.Temporary, Message: "stopped", Hint: "x"}}, "stopped", ""},
	} {
		tc.rep.Account = "a"
		if got := Word(tc.rep); got != tc.word {
			t.Errorf("%q, want %q", got, tc.word)
		}
		got := below(tc.rep, 80)
		if got != tc.below && tc.rep.Verdict.Message != long {
			t.Errorf("%q, want %q", got, tc.below)
		}
		for line := range strings.Lines(got) {
			if len(strings.TrimSuffix(line, "\n")) > 80 {
				t.Errorf("too wide: %s", line)
			}
		}
	}
}
