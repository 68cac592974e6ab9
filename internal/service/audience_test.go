package service

import (
	"testing"

	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/internal/control"
)

// Who asks for a pass while one runs sees that one, too: the report is of both. Who did not see it is told of one.
func TestReportOfWhatWasSeen(t *testing.T) {
	a := newAudience()
	a.progress(fetcher.Report{Account: "b", New: 20})
	ended := make(chan fetcher.Report, 2)
	ask := func() { a.watch([]string{"b"}, true, func(control.Progress) {}, ended) }
	ask()
	a.report(fetcher.Report{Account: "b", New: 22, Bytes: 2200}) // the one that ran
	if len(ended) > 0 {
		t.Fatal("the pass that was asked for has not begun")
	}
	delete(a.live, "b")
	ask()
	a.begins("b", true)
	a.report(fetcher.Report{Account: "b", New: 1, Bytes: 100, Kept: 23})
	for _, want := range []int{23, 1} {
		if rep := <-ended; rep.New != want || rep.Bytes != int64(want*100) || rep.Kept != 23 {
			t.Errorf("%+v, want %d new", rep, want)
		}
	}
}
