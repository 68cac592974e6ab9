package steps

import (
	"errors"
	"os"
	"slices"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

// Turns is what the sessions of a pass are for, and what broke them.
type Turns struct {
	Account *health.Account
	Rec     *report.Record
	DryRun  bool

	Suspecting bool              // this session is for those, and for others that came short before
	Purpose    health.Purpose    // of this session: see health.Purpose
	Stumble    *stumble          // what broke the last session, not charged yet
	Stumbles   int               // sessions that steps about known mail broke
	Load       []int             // about how many known messages the next sessions may be, the last number for all; none: any
	FetchedNew bool              // a session has fetched all new mail
	closing    bool              // after such sessions, one is for everything again
	retried    bool              // one was for what broke sessions before
	Charged    map[uidl.Key]bool // messages that broke a session of this pass
	Retry      []uidl.Key        // of those that broke one before, and may be tried again: where something is to be done
}

// AfterStumble chooses what the next session is for, after one that a step about known mail broke. alone: one command at a time
// will tell more.
func (p *Turns) AfterStumble() (alone bool) {
	st := p.Stumble
	p.Stumbles++
	p.Suspecting = false
	if st.sure {
		if p.Charged == nil {
			p.Charged = map[uidl.Key]bool{}
		}
		p.Charged[st.key] = true
	}
	switch {
	case p.Stumbles >= health.MostStumbles, p.Purpose == health.OldTrouble && !p.retriable(), !p.FetchedNew:
		p.Purpose = health.NewMail
	case p.Purpose != health.OldTrouble:
		p.Purpose = health.KnownMail
	}
	return verdict.LostStep(st.err) || st.name && !st.sure
}

// NextPurpose tells whether, after a session that ended in order and left nothing undone, another is for something else. elsewhere: the account has
// another mailbox.
func (p *Turns) NextPurpose(elsewhere bool) bool {
	p.FetchedNew = true
	switch {
	case p.Stumbles >= health.MostStumbles, p.DryRun, p.Account.Apart() > 0:
		return false
	case p.Purpose == health.NewMail && !p.retried:
		p.Purpose, p.Suspecting = health.KnownMail, false
		return true
	case (p.Purpose == health.Everything || p.Purpose == health.KnownMail) && p.retriable():
		p.Purpose, p.retried, p.Suspecting = health.OldTrouble, true, false
		return true
	case elsewhere && p.Purpose != health.Everything && !p.closing: // whether all is recognised, only a whole session tells
		p.Purpose, p.closing = health.Everything, true
		return true
	}
	return false
}

// TakeTurn chooses what the pass is for where it has one session only: after one that a step about known mail broke, new mail
// and known mail take turns, until it is clear at which message it breaks.
func (p *Turns) TakeTurn() {
	t := &p.Account.Stumbles
	if p.Account.Apart() > 0 {
		p.Purpose, p.Load = t.Turn, t.Load
	}
	t.Turn, t.Load = health.Everything, nil
}

// PassTurn notes what the next pass is for, where this one had its only session.
func (p *Turns) PassTurn() {
	if p.Account.Apart() == 0 {
		return
	}
	t := &p.Account.Stumbles
	switch left := p.Load; {
	case p.Stumbles > 0:
		t.Turn, t.Load = health.NewMail, left
	case p.Purpose == health.NewMail && len(left) > 0:
		t.Turn, t.Load = health.KnownMail, left
	case p.Purpose == health.KnownMail && len(left) > 1: // the last number stands for all that follow: here it ends
		t.Turn, t.Load = health.NewMail, left
	case p.Purpose == health.Everything && p.retriable():
		t.Turn = health.OldTrouble
	}
}

// retriable tells whether something is to be done about a message that broke a session before this pass.
func (p *Turns) retriable() bool {
	return slices.ContainsFunc(p.Retry, func(k uidl.Key) bool { return !p.Charged[k] })
}

// WeighStumble charges what broke the last session. again tells that another one has a listing: so the network works.
func (p *Turns) WeighStumble(again bool) {
	st := p.Stumble
	if p.Stumble = nil; st == nil {
		return
	}
	v := verdict.Verdict{Class: verdict.Temporary, Message: words.Clip(st.err.Error()),
		Hint: "nothing that this session deleted counts; it is done again, and new mail is fetched all the same"}
	if st.sure && (again || verdict.Chargeable(st.err) && !errors.Is(st.err, os.ErrDeadlineExceeded)) {
		t := &p.Account.Stumbles
		told := t.Steps[st.step] != nil && t.Steps[st.step].Times > 0
		if t.Charge(st.key, st.step, v.Message, p.Account.Now()) {
			v.Message = health.RestText(st.step, t.Steps[st.step].Until)
			p.Rec.Mention(v.Message)
			if told {
				return
			}
			v.Hint = words.Clip("the last time: " + st.err.Error())
		} else {
			v.Hint = health.MarkText(t.Mark(st.key), p.Account.Now())
		}
		p.Rec.BefellFirst(v) // it says more than a break that nobody is to blame for yet
		return
	}
	p.Rec.Befell(v)
}
