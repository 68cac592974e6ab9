package fetcher

import (
	"slices"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/uidl"
)

// forPurpose leaves in the plan what this session is for, and leaves alone what broke sessions before.
func (s *session) forPurpose() {
	t, pl := &s.desk.Health.Stumbles, s.on.Plan
	if s.desk.Turns.Purpose == health.Everything && t.None() {
		return
	}
	s.on.Partial = s.desk.Turns.Purpose != health.Everything
	now := s.desk.Now()
	top := t.Rests("TOP", now)
	noTop := top != nil && top.Times < 2 // later it counts as a server without
	noDele := s.on.DeletesNothing()
	s.on.NoCompare = t.Rests("RETR", now) != nil
	marked := func(m *health.StumbleMark) bool {
		switch {
		case m == nil:
			return s.desk.Turns.Purpose == health.OldTrouble
		case m.Alone(now) || s.desk.Turns.Charged[m.Key()]:
			return true
		case m.Step == health.StepQuit: // it breaks nothing
			return s.desk.Turns.Purpose == health.OldTrouble
		}
		s.desk.Turns.Retry = append(s.desk.Turns.Retry, m.Key())
		if pl.Last == nil {
			pl.Last = map[uidl.Key]bool{}
		}
		pl.Last[m.Key()] = true
		return s.desk.Turns.Purpose != health.OldTrouble
	}
	left := func(k plan.KnownStep) bool {
		return s.desk.Turns.Purpose == health.NewMail || noTop && k.Then != plan.Stay || noDele && k.Then == plan.Remove || marked(t.Mark(k.Key))
	}
	pl.Due, pl.Question = s.leave(pl.Due, left), s.leave(pl.Question, left)
	n := pl.DueLater.Leave(left)
	pl.Kept, pl.Later = pl.Kept+n, pl.Later-n
	groups := s.spareTwins(func(uid string) bool { return s.desk.Turns.Purpose == health.NewMail || noTop || marked(t.MarkOf(uid)) })
	if s.desk.Turns.Purpose == health.KnownMail || s.desk.Turns.Purpose == health.OldTrouble { // what may be known mail, or is told from it by looking at both, was left to it
		pl.Fetch = slices.DeleteFunc(pl.Fetch, func(f plan.FetchStep) bool {
			left, twin := groups[f.Key.UID]
			return left || !twin && !(f.Nameless && (s.desk.Turns.Purpose == health.KnownMail || s.on.Steps.Marked()[f.Num] != uidl.Key{}))
		})
	}
	pl.Sort()
	if len(s.desk.Turns.Load) > 0 && s.desk.Turns.Purpose == health.KnownMail {
		most := s.desk.Turns.Load[0]
		s.on.Cut = s.on.Cut || len(pl.Due)+len(pl.Question) > most
		pl.Due = pl.Due[:min(len(pl.Due), most)]
		pl.Question = pl.Question[:min(len(pl.Question), most-len(pl.Due))]
	}
}

// leave takes out of the plan what is left alone: it stays as it is.
func (s *session) leave(steps []plan.KnownStep, left func(plan.KnownStep) bool) []plan.KnownStep {
	n := len(steps)
	steps = slices.DeleteFunc(steps, left)
	s.on.Plan.Kept += n - len(steps)
	s.on.Partial = s.on.Partial || len(steps) < n
	return steps
}

// spareTwins leaves alone what shares a unique-id with known messages, all of it or nothing: which of them is new, only looking
// at all of them tells. It returns the unique-ids concerned, and whether they are left alone.
func (s *session) spareTwins(left func(uid string) bool) (group map[string]bool) {
	if s.on.Plan.Twins.Len() == 0 {
		return nil
	}
	group = map[string]bool{}
	for i := range s.on.Plan.Twins.Len() {
		k := s.on.Plan.Twins.At(i)
		if _, ok := group[k.Key.UID]; !ok {
			group[k.Key.UID] = left(k.Key.UID)
		}
	}
	n := s.on.Plan.Twins.Leave(func(k plan.KnownStep) bool { return group[k.Key.UID] })
	s.on.Plan.Kept, s.on.Partial = s.on.Plan.Kept+n, s.on.Partial || n > 0
	s.on.Plan.Fetch = slices.DeleteFunc(s.on.Plan.Fetch, func(f plan.FetchStep) bool { return group[f.Key.UID] })
	return group
}
