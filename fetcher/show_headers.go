package fetcher

import (
	"context"
	"io"

	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/internal/foreign"
	"github.com/popsync/popsync/internal/headline"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/pop3"
)

// What a person knows a message by stands in its header. It is shown and nothing else: no decision depends on it.

const (
	mostInside  = 100 // messages that are looked into
	insideField = 200 // octets of a field that are shown
)

// lookInside adds sender, date and subject to the steps of a dry run, by TOP, if a person wants to see them.
func (d dryRun) lookInside(ctx context.Context) {
	if !d.desk.Options.Headers {
		return
	}
	nums := make([]int, 0, mostInside)
	for st := range d.desk.Rec.Rep.Steps.All() {
		if len(nums) < mostInside && st.Action != "delete" && st.Action != "skip" {
			nums = append(nums, st.Num)
		}
	}
	all := len(nums)
	nums, _ = d.s.headers.SpareTops(nums)
	fields := map[int]headline.Header{}
	d.on.C.Alone(true) // so that no answer is another's
	defer d.on.C.Alone(false)
	err := d.on.C.Top(ctx, 0, func(yield func(pop3.Item) bool) {
		for _, n := range nums {
			if !yield(pop3.Item{Num: n}) {
				return
			}
		}
	}, func(r pop3.Response) error {
		if r.Err != nil {
			return nil // it has no TOP, or not of this one
		}
		fields[r.Num] = headline.Read(r.Body)
		_, err := io.Copy(io.Discard, r.Body)
		return err
	})
	inside := map[int]report.Inside{}
	for num, h := range fields {
		if t, ok := h.When(); ok {
			h.Date = words.Stamp(t.Unix())
		}
		inside[num] = report.Inside{From: shown(h.From), Date: shown(h.Date), Subject: shown(h.Subject)}
	}
	d.desk.Rec.Count(func(r *report.Report) { r.Steps.Know(inside) })
	if err != nil || len(fields) < all {
		d.desk.Rec.Mention("the server did not give the headers of all messages that are shown")
	}
}

// shown is a field, made harmless.
func shown(text string) string { return foreign.Show([]byte(text), insideField) }
