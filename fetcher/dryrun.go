package fetcher

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/popsync/popsync/uidl"
)

// A dry run takes the decisions of a run: what is known under another unique-id is recognised, what is due is looked at again,
// and what would be held back is. It may ask for headers (TOP) and reads the ledger; nothing is committed: see apply. What
// only reading a whole message would tell is left open and said.

// toCompare ends the reason of what is retrieved only to see which message it is.
const toCompare = "to be compared when retrieved"

// decide makes of the plan what a run would make of it.
func (s *session) decide(ctx context.Context, complete bool, known *rows, listed int) error {
	if err := s.renewed(ctx, complete, known); err != nil {
		return err
	}
	err := s.breaker(listed)
	var flood *floodError
	if err != nil && !errors.As(err, &flood) {
		return err
	}
	if flood == nil {
		most := min(s.o.SessionMessages, len(s.plan.due)) // the headers of the others are for later sessions
		rest := s.plan.due[most:]
		s.plan.due = s.plan.due[:most:most]
		if err := s.recognise(ctx); err != nil {
			return err
		}
		s.plan.due = append(s.plan.due, rest...)
		s.plan.question = nil // answered
		s.noteWithheld()
	}
	s.sift(complete)
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
func (s *session) floods(e *floodError) {
	s.count(func(r *Report) {
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
	s.mention(fmt.Sprintf("%s. If they are right, say: popsync accept %s; if all of them were seen before, say: popsync baseline %[2]s", e.Error(), s.a.Name))
}

// with is the rows with those of some messages more, which they do not have.
func (r *rows) with(more []uidl.Message) *rows {
	all := make([]uidl.Row, 0, r.len()+len(more))
	for i := range r.len() {
		all = append(all, r.row(i))
	}
	for i := range more {
		all = append(all, more[i].Row)
	}
	slices.SortFunc(all, func(a, b uidl.Row) int { return cmp.Or(cmp.Compare(a.UID, b.UID), cmp.Compare(a.Dup, b.Dup)) })
	out := &rows{}
	for _, row := range all {
		out.add(row)
	}
	return out
}

// foreseeRebuild gives the rows that a ledger would have which was lost or is an older copy: what it does not know is held back,
// unless a Maildir shows it. Into those a dry run does not look.
func (s *session) foreseeRebuild(list listing, known *rows) *rows {
	if !s.facts.Verify {
		return known
	}
	strangers := s.strangersTo(known, list)
	held := make([]uidl.Message, len(strangers))
	for i, e := range strangers {
		held[i] = s.heldBack(e.entry)
	}
	if len(held) > 0 {
		s.mention("of what is held back, the run takes as delivered what a Maildir still shows")
	}
	return known.with(held)
}

// shownSteps turns the plan into the steps that are shown.
func (s *session) shownSteps() (steps []Step) {
	pl := s.plan
	add := func(action string, e entry, reason string) {
		steps = append(steps, Step{Action: action, Num: e.num, UID: e.key.UID, Size: e.size, Reason: reason})
	}
	for _, k := range pl.question {
		add("verify", k.entry, k.reason)
	}
	for _, k := range pl.due {
		add("delete", k.entry, k.reason)
	}
	limit := s.a.Policy.Limit
	for i, f := range pl.fetch {
		switch {
		case limit > 0 && i >= limit:
			add("skip", f.entry, reasonLimit)
		case f.compare:
			add("compare", f.entry, f.reason+": "+toCompare)
		case f.moved:
			add("compare", f.entry, "perhaps known under another unique-id: "+toCompare)
		case f.row.Attempts > 0:
			add("retry", f.entry, f.reason)
		default:
			add("fetch", f.entry, f.reason)
		}
	}
	for _, f := range pl.skipped {
		add("skip", f.entry, f.reason)
	}
	for _, k := range pl.back {
		add("hold", k.entry, reasonHeld)
	}
	slices.SortStableFunc(steps, func(a, b Step) int { return a.Num - b.Num })
	return steps
}

// parkedOnWay is how many of the messages that are on their way are parked at a destination.
func (s *session) parkedOnWay(ctx context.Context) (n int, err error) {
	open, err := s.l.Pending(ctx)
	parked := map[uidl.Key]bool{}
	for _, d := range open {
		parked[d.Key] = parked[d.Key] || d.Parked() && s.destination(d.Destination) != nil
	}
	for _, k := range s.plan.onWay {
		n += b2i(parked[k])
	}
	return n, err
}

// report makes the plan the report of a dry run. parked is of those on their way.
func (s *session) report(parked int) {
	pl, steps := s.plan, s.shownSteps()
	s.count(func(r *Report) {
		r.Listed = s.listed
		r.Kept, r.Parked, r.Pending, r.Skipped, r.Held, r.Steps = pl.kept, pl.parked+parked, pl.pending-parked, len(pl.skipped), len(pl.back), steps
	})
}
