package fetcher

import (
	"context"
	"errors"
	"fmt"

	"github.com/popsync/popsync/fetcher/desk"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/uidl"
)

// A dry run takes the decisions of a run: what is known under another unique-id is recognised, what is due is looked at again,
// and what would be held back is. It may ask for headers (TOP) and reads the ledger; nothing is committed: see settle.Settler.Apply. What
// only reading a whole message would tell is left open and said.

// toCompare ends the reason of what is retrieved only to see which message it is.
const toCompare = "to be compared when retrieved"

// dryRun is a session that changes nothing.
type dryRun struct {
	s    *session
	desk *desk.Desk
	on   *desk.Session
}

// decide makes of the plan what a run would make of it.
func (d dryRun) decide(ctx context.Context, complete bool, known *plan.Rows, listed int) error {
	if err := d.s.known.Renewal.Renewed(ctx, complete, known); err != nil {
		return err
	}
	err := d.s.breaker(listed)
	var flood *health.FloodError
	if err != nil && !errors.As(err, &flood) {
		return err
	}
	if flood == nil {
		most := min(d.desk.Options.SessionMessages, len(d.on.Plan.Due)) // the headers of the others are for later sessions
		rest := d.on.Plan.Due[most:]
		d.on.Plan.Due = d.on.Plan.Due[:most:most]
		if err := d.s.recognise(ctx); err != nil {
			return err
		}
		d.on.Plan.Due = append(d.on.Plan.Due, rest...)
		d.on.Plan.Question = nil // answered
		d.s.noteWithheld()
	}
	d.s.p.shorts.Sift(complete)
	parked, err := d.parkedOnWay(ctx)
	if err != nil {
		return err
	}
	d.report(parked)
	if flood != nil {
		d.floods(flood)
	}
	d.lookInside(ctx)
	return nil
}

// floods turns the steps into what becomes of them while far more mail than usual is held back.
func (d dryRun) floods(e *health.FloodError) {
	d.desk.Rec.Count(func(r *report.Report) {
		for i := range r.Steps.Len() {
			switch r.Steps.At(i).Action {
			case "fetch", "retry", "compare":
				r.Held++
				fallthrough
			case "delete":
				r.Steps.Turn(i, "hold", "far more new mail than usual: nothing is fetched or deleted")
			}
		}
	})
	d.desk.Rec.Mention(fmt.Sprintf("%s. If they are right, say: popsync accept %s; if all of them were seen before, say: popsync baseline %[2]s", e.Error(), d.desk.Account.Name))
}

// shownSteps turns the plan into the steps that are shown.
func (d dryRun) shownSteps() report.Steps {
	pl := d.on.Plan
	steps := report.NewSteps(d.on.List, len(pl.Question)+len(pl.Due)+pl.DueLater.Len()+len(pl.Fetch)+len(pl.Skipped)+pl.Back.Len()+len(d.s.leftOut))
	add := func(action string, e plan.Entry, reason string) { steps.Add(action, e.Num, reason) }
	for _, k := range pl.Question {
		add("verify", k.Entry, k.Reason)
	}
	for _, k := range pl.Due {
		add("delete", k.Entry, k.Reason)
	}
	for i := range pl.DueLater.Len() {
		k := pl.DueLater.At(i)
		add("delete", k.Entry, k.Reason)
	}
	var used desk.Used
	full := false
	for _, f := range pl.Fetch {
		full = full || used.Full(&d.desk.Account.Policy, f.Size, true)
		used = used.With(f.Size, true)
		switch {
		case full:
			add("skip", f.Entry, plan.ReasonLimit)
		case f.Compare:
			add("compare", f.Entry, f.Reason.String()+": "+toCompare)
		case f.Moved:
			add("compare", f.Entry, "perhaps known under another unique-id: "+toCompare)
		case f.Row.Attempts > 0:
			add("retry", f.Entry, f.Reason.String())
		default:
			add("fetch", f.Entry, f.Reason.String())
		}
	}
	for _, f := range pl.Skipped {
		add("skip", f.Entry, f.Reason.String())
	}
	for _, e := range d.s.leftOut {
		add("skip", e, plan.ReasonFirst)
	}
	for i := range pl.Back.Len() {
		add("hold", pl.Back.At(i).Entry, plan.ReasonHeld)
	}
	steps.Sort()
	return steps
}

// parkedOnWay is how many of the messages that are on their way are parked at a destination.
func (d dryRun) parkedOnWay(ctx context.Context) (n int, err error) {
	open, err := d.desk.Settler.L.Pending(ctx)
	parked := map[uidl.Key]bool{}
	for _, row := range open {
		parked[row.Key] = parked[row.Key] || row.Parked() && d.desk.Settler.Place(row.Destination) != nil
	}
	for _, k := range d.on.Plan.OnWay {
		n += desk.Count(parked[k])
	}
	return n, err
}

// report makes the plan the report of a dry run. parked is of those on their way.
func (d dryRun) report(parked int) {
	pl, steps := d.on.Plan, d.shownSteps()
	d.desk.Rec.Count(func(r *report.Report) {
		r.Listed = d.on.Listed
		r.Kept, r.Parked, r.Pending, r.Skipped, r.Held, r.Steps = pl.Kept-len(d.s.leftOut), pl.Parked+parked, pl.Pending-parked, len(pl.Skipped), pl.Back.Len(), steps
	})
}
