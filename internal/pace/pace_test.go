package pace

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/schedule"
)

// A pass is slow by its last whole window, and brisk as a whole or when it is short.
func TestMeter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(1000, 4*time.Minute)
		want := func(slowly, brisk bool) {
			t.Helper()
			if got := s.Slowly(); got != slowly {
				t.Errorf("after %v: slowly %v", time.Since(s.began), got)
			}
			if got := s.brisk(); got != brisk {
				t.Errorf("after %v: brisk %v", time.Since(s.began), got)
			}
		}
		want(false, true)
		time.Sleep(59 * time.Second)
		want(false, true) // too early to tell
		time.Sleep(time.Second)
		want(true, false)
		s.add(500_000)
		want(true, true)
		time.Sleep(time.Minute)
		want(false, true)
		time.Sleep(10 * time.Minute)
		want(true, false)
	})
}

// What a pass says to the loop.
func TestResultOfPass(t *testing.T) {
	ok, failed := verdict.Verdict{Class: verdict.OK}, verdict.Verdict{Class: verdict.Temporary}
	at := time.Unix(1790000000, 0)
	for _, tt := range []struct {
		rep  fetcher.Report
		want schedule.Result
	}{
		{fetcher.Report{Verdict: ok}, schedule.Result{Brisk: true}},
		{fetcher.Report{Verdict: ok, Slow: true}, schedule.Result{}},
		{fetcher.Report{Verdict: ok, Untried: true, NextTry: at}, schedule.Result{NotBefore: at}},
		{fetcher.Report{Verdict: ok, PassTime: true}, schedule.Result{Soon: true, Brisk: true}},
		{fetcher.Report{Verdict: failed, PassTime: true, NextTry: at}, schedule.Result{NotBefore: at, Again: true}},
		{fetcher.Report{Verdict: failed, Yielded: true}, schedule.Result{Soon: true}},
		{fetcher.Report{Verdict: failed, Yielded: true, New: 1, NextTry: at}, schedule.Result{NotBefore: at, Soon: true, Brisk: true}},
	} {
		s := New(1000, time.Hour)
		if got := s.ResultOf(tt.rep); got != tt.want {
			t.Errorf("%+v: %+v, want %+v", tt.rep, got, tt.want)
		}
	}
}

// A pass that went on after it made room counts as one.
func TestJoinedPasses(t *testing.T) {
	at := time.Unix(1790000000, 0)
	first := fetcher.Report{Account: "a", Started: at, Duration: time.Minute, New: 2, Bytes: 10, Yielded: true}
	rest := fetcher.Report{Account: "a", Started: at.Add(time.Hour), Duration: time.Second, New: 1, Bytes: 5, Listed: 3}
	got := Joined(Joined(fetcher.Report{}, first), rest)
	if got.New != 3 || got.Bytes != 15 || got.Listed != 3 || got.Yielded || !got.Started.Equal(at) || got.Duration != time.Hour+time.Second {
		t.Errorf("%+v", got)
	}
}
