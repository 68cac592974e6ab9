package fetcher

import (
	"slices"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/uidl"
)

// afterStumble chooses what the next session is for, after one that a step about known mail broke. alone: one command at a time
// will tell more.
func (p *turns) afterStumble() (alone bool) {
	st := p.stumble
	p.stumbles++
	p.suspecting = false
	if st.sure {
		if p.charged == nil {
			p.charged = map[uidl.Key]bool{}
		}
		p.charged[st.key] = true
	}
	switch {
	case p.stumbles >= health.MostStumbles, p.purpose == health.OldTrouble && !p.retriable(), !p.fetchedNew:
		p.purpose = health.NewMail
	case p.purpose != health.OldTrouble:
		p.purpose = health.KnownMail
	}
	return verdict.LostStep(st.err) || st.name && !st.sure
}

// nextPurpose tells whether, after a session that ended in order and left nothing undone, another is for something else. elsewhere: the account has
// another mailbox.
func (p *turns) nextPurpose(elsewhere bool) bool {
	p.fetchedNew = true
	switch {
	case p.stumbles >= health.MostStumbles, p.dryRun, p.account.Apart() > 0:
		return false
	case p.purpose == health.NewMail && !p.retried:
		p.purpose, p.suspecting = health.KnownMail, false
		return true
	case (p.purpose == health.Everything || p.purpose == health.KnownMail) && p.retriable():
		p.purpose, p.retried, p.suspecting = health.OldTrouble, true, false
		return true
	case elsewhere && p.purpose != health.Everything && !p.closing: // whether all is recognised, only a whole session tells
		p.purpose, p.closing = health.Everything, true
		return true
	}
	return false
}

// takeTurn chooses what the pass is for where it has one session only: after one that a step about known mail broke, new mail
// and known mail take turns, until it is clear at which message it breaks.
func (p *turns) takeTurn() {
	t := &p.account.Stumbles
	if p.account.Apart() > 0 {
		p.purpose, p.load = t.Turn, t.Load
	}
	t.Turn, t.Load = health.Everything, nil
}

// passTurn notes what the next pass is for, where this one had its only session.
func (p *turns) passTurn() {
	if p.account.Apart() == 0 {
		return
	}
	t := &p.account.Stumbles
	switch left := p.load; {
	case p.stumbles > 0:
		t.Turn, t.Load = health.NewMail, left
	case p.purpose == health.NewMail && len(left) > 0:
		t.Turn, t.Load = health.KnownMail, left
	case p.purpose == health.KnownMail && len(left) > 1: // the last number stands for all that follow: here it ends
		t.Turn, t.Load = health.NewMail, left
	case p.purpose == health.Everything && p.retriable():
		t.Turn = health.OldTrouble
	}
}

// retriable tells whether something is to be done about a message that broke a session before this pass.
func (p *turns) retriable() bool {
	return slices.ContainsFunc(p.retry, func(k uidl.Key) bool { return !p.charged[k] })
}

// forPurpose leaves in the plan what this session is for, and leaves alone what broke sessions before.
func (s *session) forPurpose() {
	t, p, pl := &s.Health.Stumbles, s.pass, s.plan
	if p.turns.purpose == health.Everything && t.None() {
		return
	}
	s.partial = p.turns.purpose != health.Everything
	now := s.now()
	top := t.Rests("TOP", now)
	noTop := top != nil && top.Times < 2 // later it counts as a server without
	noDele := s.deletesNothing()
	s.noCompare = t.Rests("RETR", now) != nil
	marked := func(m *health.StumbleMark) bool {
		switch {
		case m == nil:
			return p.turns.purpose == health.OldTrouble
		case m.Alone(now) || p.turns.charged[m.Key()]:
			return true
		case m.Step == health.StepQuit: // it breaks nothing
			return p.turns.purpose == health.OldTrouble
		}
		p.turns.retry = append(p.turns.retry, m.Key())
		if pl.Last == nil {
			pl.Last = map[uidl.Key]bool{}
		}
		pl.Last[m.Key()] = true
		return p.turns.purpose != health.OldTrouble
	}
	left := func(k plan.KnownStep) bool {
		return p.turns.purpose == health.NewMail || noTop && k.Then != plan.Stay || noDele && k.Then == plan.Remove || marked(t.Mark(k.Key))
	}
	pl.Due, pl.Question = s.leave(pl.Due, left), s.leave(pl.Question, left)
	groups := s.spareTwins(func(uid string) bool { return p.turns.purpose == health.NewMail || noTop || marked(t.MarkOf(uid)) })
	if p.turns.purpose == health.KnownMail || p.turns.purpose == health.OldTrouble { // what may be known mail, or is told from it by looking at both, was left to it
		pl.Fetch = slices.DeleteFunc(pl.Fetch, func(f plan.FetchStep) bool {
			left, twin := groups[f.Key.UID]
			return left || !twin && !(f.Nameless && (p.turns.purpose == health.KnownMail || s.marked()[f.Num] != uidl.Key{}))
		})
	}
	pl.Sort()
	if len(p.turns.load) > 0 && p.turns.purpose == health.KnownMail {
		most := p.turns.load[0]
		s.cut = s.cut || len(pl.Due)+len(pl.Question) > most
		pl.Due = pl.Due[:min(len(pl.Due), most)]
		pl.Question = pl.Question[:min(len(pl.Question), most-len(pl.Due))]
	}
}

// leave takes out of the plan what is left alone: it stays as it is.
func (s *session) leave(steps []plan.KnownStep, left func(plan.KnownStep) bool) []plan.KnownStep {
	n := len(steps)
	steps = slices.DeleteFunc(steps, left)
	s.plan.Kept += n - len(steps)
	s.partial = s.partial || len(steps) < n
	return steps
}

// spareTwins leaves alone what shares a unique-id with known messages, all of it or nothing: which of them is new, only looking
// at all of them tells. It returns the unique-ids concerned, and whether they are left alone.
func (s *session) spareTwins(left func(uid string) bool) (group map[string]bool) {
	if len(s.plan.Twins) == 0 {
		return nil
	}
	group = map[string]bool{}
	for _, k := range s.plan.Twins {
		if _, ok := group[k.Key.UID]; !ok {
			group[k.Key.UID] = left(k.Key.UID)
		}
	}
	s.plan.Twins = s.leave(s.plan.Twins, func(k plan.KnownStep) bool { return group[k.Key.UID] })
	s.plan.Fetch = slices.DeleteFunc(s.plan.Fetch, func(f plan.FetchStep) bool { return group[f.Key.UID] })
	return group
}
