package fetcher

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/uidl"
)

// A dry run takes the decisions of a run: what is known under another unique-id is recognised, what is due is looked at again,
// and what would be held back is. It may ask for headers (TOP) and reads the ledger; nothing is committed: see apply. What
// only reading a whole message would tell is left open and said.

// toCompare ends the reason of what is retrieved only to see which message it is.
const toCompare = "to be compared when retrieved"

// decide makes of the plan what a run would make of it.
func (s *session) decide(ctx context.Context, complete bool, known *plan.Rows, listed int) error {
	if err := s.known.renewal.renewed(ctx, complete, known); err != nil {
		return err
	}
	err := s.breaker(listed)
	var flood *health.FloodError
	if err != nil && !errors.As(err, &flood) {
		return err
	}
	if flood == nil {
		most := min(s.desk.Options.SessionMessages, len(s.on.plan.Due)) // the headers of the others are for later sessions
		rest := s.on.plan.Due[most:]
		s.on.plan.Due = s.on.plan.Due[:most:most]
		if err := s.recognise(ctx); err != nil {
			return err
		}
		s.on.plan.Due = append(s.on.plan.Due, rest...)
		s.on.plan.Question = nil // answered
		s.noteWithheld()
	}
	s.p.shorts.sift(complete)
	parked, err := s.parkedOnWay(ctx)
	if err != nil {
		return err
	}
	s.report(parked)
	if flood != nil {
		s.floods(flood)
	}
	s.lookInside(ctx)
	return nil
}

// floods turns the steps into what becomes of them while far more mail than usual is held back.
func (s *session) floods(e *health.FloodError) {
	s.desk.rec.Count(func(r *report.Report) {
		for i := range r.Steps {
			switch st := &r.Steps[i]; st.Action {
			case "fetch", "retry", "compare":
				r.Held++
				fallthrough
			case "delete":
				st.Action, st.Reason = "hold", "far more new mail than usual: nothing is fetched or deleted"
			}
		}
	})
	s.desk.rec.Mention(fmt.Sprintf("%s. If they are right, say: popsync accept %s; if all of them were seen before, say: popsync baseline %[2]s", e.Error(), s.desk.Account.Name))
}

// shownSteps turns the plan into the steps that are shown.
func (s *session) shownSteps() (steps []report.Step) {
	pl := s.on.plan
	add := func(action string, e plan.Entry, reason string) {
		steps = append(steps, report.Step{Action: action, Num: e.Num, UID: e.Key.UID, Size: e.Size, Reason: reason})
	}
	for _, k := range pl.Question {
		add("verify", k.Entry, k.Reason)
	}
	for _, k := range pl.Due {
		add("delete", k.Entry, k.Reason)
	}
	limit := s.desk.Account.Policy.Limit
	for i, f := range pl.Fetch {
		switch {
		case limit > 0 && i >= limit:
			add("skip", f.Entry, plan.ReasonLimit)
		case f.Compare:
			add("compare", f.Entry, f.Reason+": "+toCompare)
		case f.Moved:
			add("compare", f.Entry, "perhaps known under another unique-id: "+toCompare)
		case f.Row.Attempts > 0:
			add("retry", f.Entry, f.Reason)
		default:
			add("fetch", f.Entry, f.Reason)
		}
	}
	for _, f := range pl.Skipped {
		add("skip", f.Entry, f.Reason)
	}
	for _, k := range pl.Back {
		add("hold", k.Entry, plan.ReasonHeld)
	}
	slices.SortStableFunc(steps, func(a, b report.Step) int { return a.Num - b.Num })
	return steps
}

// parkedOnWay is how many of the messages that are on their way are parked at a destination.
func (s *session) parkedOnWay(ctx context.Context) (n int, err error) {
	open, err := s.desk.Settler.L.Pending(ctx)
	parked := map[uidl.Key]bool{}
	for _, d := range open {
		parked[d.Key] = parked[d.Key] || d.Parked() && s.desk.Settler.Place(d.Destination) != nil
	}
	for _, k := range s.on.plan.OnWay {
		n += b2i(parked[k])
	}
	return n, err
}

// report makes the plan the report of a dry run. parked is of those on their way.
func (s *session) report(parked int) {
	pl, steps := s.on.plan, s.shownSteps()
	s.desk.rec.Count(func(r *report.Report) {
		r.Listed = s.on.listed
		r.Kept, r.Parked, r.Pending, r.Skipped, r.Held, r.Steps = pl.Kept, pl.Parked+parked, pl.Pending-parked, len(pl.Skipped), len(pl.Back), steps
	})
}
