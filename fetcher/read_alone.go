package fetcher

import (
	"slices"
	"strings"
	"time"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/uidl"
)

// setAside keeps a message for a session in which nothing else can be mistaken for it. One without a unique-id cannot be told
// from others before it is read.
func (p *pass) setAside(f *plan.FetchStep) {
	w := &p.Health.Wire
	if f.Nameless || w.Reading(f.Key) == nil && len(w.Short) >= health.MostShort {
		p.alone = true
		return
	}
	if w.Reading(f.Key) == nil {
		w.Short = append(w.Short, health.ShortReading{UID: []byte(f.Key.UID), Dup: f.Key.Dup, Size: f.Size, Begun: p.confirmed, First: p.confirmed, Flight: !p.alone && !p.turns.Suspecting && p.ahead})
	}
}

// stood notes that what had another size than listed in a flight is as long as listed by itself: step was lost there.
func (r *reader) stood(o *reply, e *health.ShortReading) {
	if r.stepLost || !o.exact || e == nil || !e.Flight || e.All > 0 {
		return
	}
	r.stepLost = true
	now := r.now()
	r.Health.NoPipeliningUntil = now.Add(r.Health.Wire.LostStep(now, health.LeastApart)).Unix()
}

// sift leaves in the plan what this session is for: what is read by itself is not mixed with other mail.
func (s *session) sift(complete bool) {
	w := &s.Health.Wire
	s.suspects, s.pass.waiting = 0, 0
	if s.turns.Purpose == health.KnownMail || s.turns.Purpose == health.OldTrouble {
		s.plan.Kept += len(s.plan.Stumps)
		return
	}
	failed := s.failedBefore()
	if len(w.Short)+failed == 0 && !s.turns.Suspecting {
		return
	}
	now := s.confirmed
	for i := range w.Short { // noted by a clock that was wrong
		e := &w.Short[i]
		if e.First > now {
			e.First, e.Begun = now, min(e.Begun, now)
		}
		e.Next = min(e.Next, now+int64(e.Pause()/time.Second))
	}
	var own []plan.FetchStep
	met := map[uidl.Key]bool{}
	suspect := func(f *plan.FetchStep) bool {
		met[f.Key] = true
		e := w.Reading(f.Key)
		switch {
		case e == nil || e.Size == f.Size:
		case e.Done: // the next reading tells whether it is another message
			e.Size = f.Size
		default:
			w.Forget(f.Key) // another message, or another size
			e = nil
		}
		if e != nil && e.Done && !f.Compare { // its delivery failed
			e.Done, e.Next = false, now
		}
		if e == nil && (failed == 0 || f.Row.Attempts == 0) {
			return false
		}
		if e != nil && e.Next > now {
			s.pass.waiting++
		} else {
			own = append(own, *f)
		}
		return true
	}
	s.plan.Fetch = slices.DeleteFunc(s.plan.Fetch, func(f plan.FetchStep) bool { return suspect(&f) })
	for _, k := range s.plan.Stumps {
		f := plan.FetchStep{Entry: k.Entry, Row: plan.OwnRow(k.Row), Reason: plan.ReasonShort, Compare: true}
		suspect(&f)
	}
	s.plan.Kept += len(s.plan.Stumps)
	w.Short = slices.DeleteFunc(w.Short, func(e health.ShortReading) bool {
		k := e.Key()
		switch {
		case strings.HasPrefix(k.UID, plan.ContentName): // whether it is listed, only reading tells
			return now-e.Begun > int64(health.MostApart/time.Second)
		case s.plan.Watched[k]: // it came whole meanwhile, or is not to be fetched, unless it was only left alone in this session
			return !e.Done && !met[k] && !s.partial
		}
		// One listing may have hidden it; what was delivered keeps its note for as long as it may come back unlooked at.
		return complete && (!e.Done || now-e.Begun > int64(health.ShortPeace/time.Second))
	})
	s.suspects = len(own)
	switch {
	case s.turns.Suspecting:
		s.plan.Fetch = own
	case s.suspects > 0 && s.Health.Apart() > 0 && !s.o.DryRun: // there is no other session for them
		s.plan.Fetch = append(s.plan.Fetch, own...)
		s.turns.Suspecting = true
		s.c.Alone(true)
	default:
		s.plan.Pending += s.suspects
	}
	s.plan.Pending += s.pass.waiting
	s.plan.Sort()
}

// failedBefore counts the messages that are to be read by themselves because they failed before: one that breaks the session
// would take back what the session deletes. Many are rather a destination's fault; where logins must lie apart, there is no
// session to spare.
func (s *session) failedBefore() (n int) {
	if s.a.NeverDelete || s.a.Policy.Delete == plan.DeleteNever || s.Health.Apart() > 0 || s.o.DryRun {
		return 0
	}
	for i := range s.plan.Fetch {
		n += b2i(s.plan.Fetch[i].Row.Attempts > 0)
	}
	if n > health.MostShort {
		return 0
	}
	return n
}

// suspectsNext tells whether a session for messages that came short is to follow now.
func (p *pass) suspectsNext() bool {
	most := 3
	if p.Health.Wire.Scan < 0 {
		most = health.FewSuspects
	}
	due := !p.turns.Suspecting && p.suspects > 0
	for _, e := range p.Health.Wire.Short {
		due = due || e.Next <= p.confirmed
	}
	if !due || p.turns.Suspecting && p.suspects == 0 || p.runs >= most || p.o.DryRun {
		return false
	}
	p.runs++
	p.turns.Suspecting = true
	return true
}
